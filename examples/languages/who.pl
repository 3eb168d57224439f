#!/usr/bin/perl
# perl who.pl SNAPSHOT: by FFI::Platypus.
use strict;
use warnings;
use FFI::Platypus 2.00;

use constant { UDP => 17, DIFF => 1 };

my $c = FFI::Platypus->new(api => 2, lib => 'libmemsec.so.0');
my @made = ('opaque*', 'opaque*');
my %functions = (
    snapshot_from_json  => [['string', 'size_t', @made] => 'sint32'],
    audit               => [['opaque', 'opaque', @made] => 'sint32'],
    plan_new            => [['opaque', @made]           => 'sint32'],
    plan_render         => [['opaque', 'uint32', @made] => 'sint32'],
    report_exposure_len => [['opaque']                  => 'size_t'],
    report_exposure     => [['opaque', 'size_t']        => 'opaque'],
    exposure_proto      => [['opaque']                  => 'uint32'],
    exposure_port       => [['opaque']                  => 'uint16'],
    exposure_interface  => [['opaque']                  => 'string'],
    exposure_may        => [['opaque', 'size_t']        => 'string'],
    error_message       => [['opaque']                  => 'string'],
    string_free         => [['opaque']                  => 'void'],
    plan_free           => [['opaque']                  => 'void'],
    report_free         => [['opaque']                  => 'void'],
    snapshot_free       => [['opaque']                  => 'void'],
);
$c->attach(["memsec_$_" => $_], @{ $functions{$_} }) for keys %functions;

sub make {
    my ($function, @arguments) = @_;
    my ($out, $error);
    $function->(@arguments, \$out, \$error)
        and die error_message($error), "\n";
    return $out;
}

sub may {
    my ($exposure) = @_;
    my @networks;
    while (defined(my $network = exposure_may($exposure, scalar @networks))) {
        push @networks, $network;
    }
    return @networks ? "@networks" : 'nobody';
}

open my $file, '<:raw', $ARGV[0] or die "$ARGV[0]: $!\n";
my $json = do { local $/; <$file> };
my $snapshot = make(\&snapshot_from_json, $json, length $json);
my $report   = make(\&audit, $snapshot, undef);
my $plan     = make(\&plan_new, $report);
my $diff     = make(\&plan_render, $plan, DIFF);
for my $i (0 .. report_exposure_len($report) - 1) {
    my $exposure = report_exposure($report, $i);
    printf "%s %d by %s: %s\n",
        exposure_proto($exposure) == UDP ? 'udp' : 'tcp',
        exposure_port($exposure), exposure_interface($exposure),
        may($exposure);
}
print $c->cast('opaque' => 'string', $diff);
string_free($diff);
plan_free($plan);
report_free($report);
snapshot_free($snapshot);
