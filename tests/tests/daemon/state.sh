# Prints all of a test's host that a plan can change. Counters are left out.
find /etc /usr/lib/systemd/system -printf '%p %y %m %U %G %l\n' | sort
find /etc /usr/lib/systemd/system -type f -exec cksum {} + | sort -k 3
nft -s list ruleset
iptables-save | grep -v '^[#:]'
ip6tables-save | grep -v '^[#:]'
for process in /proc/[0-9]*; do
    if grep -q -x memcached "$process/comm" 2>/dev/null; then
        tr '\0' ' ' <"$process/cmdline"
    fi
done
