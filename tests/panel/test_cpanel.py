"""The assessor for cPanel, in a Security Advisor that only takes advice."""

import json
import subprocess
import sys

import pytest
from host import ROOT

# As much of cPanel's base class as an assessor sees.
BASE = """package Cpanel::Security::Advisor::Assessors;
sub new { bless { advice => [] }, shift }
for my $type (qw(good info warn bad)) {
    no strict 'refs';
    *{"add_${type}_advice"} = sub {
        my ($self, %advice) = @_;
        push @{ $self->{advice} }, { type => "ADVISE_\\U$type", %advice };
    };
}
1;
"""
ASK = """use JSON::PP;
require $ARGV[0];
my $class = 'Cpanel::Security::Advisor::Assessors::Memcached';
@Cpanel::Security::Advisor::Assessors::Memcached::COMMAND = @ARGV[1 .. $#ARGV];
my $assessor = $class->new;
$assessor->generate_advice or die;
print encode_json($assessor->{advice});
"""
MODULE = ROOT / "examples/panel/cpanel/Memcached.pm"


@pytest.fixture
def advice(need, tmp_path):
    need("perl")
    base = tmp_path / "Cpanel/Security/Advisor/Assessors.pm"
    base.parent.mkdir(parents=True)
    base.write_text(BASE)

    def advice(*words):
        memsec = [sys.executable, "-m", "memsec", "audit", "--json", *words]
        done = subprocess.run(
            ["perl", f"-I{tmp_path}", "-e", ASK, MODULE, *memsec],
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return advice


def test_each_finding_is_advice(advice, sample):
    given = advice("--snapshot", str(sample))
    assert given[0] == {
        "type": "ADVISE_BAD",
        "key": "Memcached_MEMSEC_FW_002",
        "text": "The TCP port is open to others than the clients, over IPv6: "
        "anyone on the internet reaches tcp port 11211 by eth0 and eth1 over "
        "IPv6 (ip6tables-save)",
        "suggestion": "The same rules in ip6tables or an inet table, or no "
        "IPv6 listener.",
    }
    types = {"ADVISE_BAD", "ADVISE_WARN", "ADVISE_INFO"}
    assert {one["type"] for one in given} == types
    keys = [one["key"] for one in given]
    assert len(set(keys)) == len(keys) > 5


def test_nothing_wrong_is_good(advice, tmp_path):
    (tmp_path / "empty").mkdir()
    given = advice("--root", str(tmp_path / "empty"))
    assert [one["type"] for one in given] == ["ADVISE_GOOD"]


def test_an_error_is_said_and_escaped(advice, tmp_path):
    file = tmp_path / "<b>.json"
    file.write_text("no")
    (only,) = advice("--snapshot", str(file))
    assert only["type"] == "ADVISE_WARN"
    assert "&#60;b&#62;.json:1:2" in only["text"], only["text"]
