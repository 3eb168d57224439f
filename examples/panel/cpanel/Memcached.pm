package Cpanel::Security::Advisor::Assessors::Memcached;

# An assessor of the Security Advisor of cPanel & WHM. It goes into
# /usr/local/cpanel/Cpanel/Security/Advisor/Assessors, where each module is
# found by its name; `whmapi1 fetch_security_advice` and the page of WHM show
# what it says. cPanel has a perl of its own, without FFI::Platypus: the
# command is asked.

use strict;
use warnings;

use IPC::Open3;
use JSON::PP ();
use base 'Cpanel::Security::Advisor::Assessors';

our $POLICY  = '/etc/memsec/policy.json';
our @COMMAND = qw(memsec audit --json);

my %ADD = (
    critical => 'add_bad_advice',
    high     => 'add_bad_advice',
    medium   => 'add_warn_advice',
    low      => 'add_info_advice',
    info     => 'add_info_advice',
);

sub version { return '1.00' }

sub generate_advice {
    my ($self) = @_;
    my $report = eval { _report() };
    if ( !$report ) {
        $self->add_warn_advice(
            key        => 'Memcached_not_audited',
            text       => 'memsec could not audit memcached: ' . _html($@),
            suggestion => 'Run "memsec audit" as root.',
        );
        return 1;
    }
    my %told;
    my @findings = grep { !$_->{accepted} } @{ $report->{findings} };
    for my $finding (@findings) {
        my $key = 'Memcached_' . $finding->{id} =~ tr/-/_/r;
        my $add = $ADD{ $finding->{severity} } // 'add_warn_advice';
        $self->$add(
            key        => $told{$key}++ ? "${key}_$told{$key}" : $key,
            text       => _html( _summary($finding) ),
            suggestion => _html( ucfirst $finding->{fix} . '.' ),
        );
    }
    $self->add_good_advice(
        key  => 'Memcached_no_findings',
        text => 'memsec finds nothing wrong with memcached.',
    ) if !@findings;
    return 1;
}

sub _summary {
    my ($finding) = @_;
    my $where = $finding->{where}{source} // '?';
    $where .= ":$finding->{where}{line}" if $finding->{where}{line};
    return "$finding->{title}: $finding->{message} ($where)";
}

# Its status is 0 without findings and 1 with them.
sub _report {
    my @policy = -e $POLICY ? ( '--policy', $POLICY ) : ();
    my $pid    = open3( my $in, my $out, undef, @COMMAND, @policy );
    close $in;
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;
    die "$text\n" if $? >> 8 > 1 || $? & 127;
    return JSON::PP::decode_json($text);
}

# What memsec says is text, and advice is HTML.
sub _html {
    my ($text) = @_;
    chomp $text;
    return $text =~ s/([&<>"'])/'&#' . ord($1) . ';'/ger;
}

1;
