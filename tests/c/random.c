/*
 * Calls the fuzz target with inputs that are always the same for one seed:
 *
 *   random SEED COUNT
 *
 * Each is a good text, cut, doubled, joined and changed at random places.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
    "-l 0.0.0.0,[::1]:11212\n-p 11211\n-U 0\n-u memcache\n-s /run/m.sock\n",
    "PORT=\"11211\"\nUSER=\"memcached\"\nOPTIONS=\"-l 127.0.0.1,::1 -vv\"\n",
    "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 "
    "-j DNAT --to-destination 10.0.0.2:11211\nCOMMIT\n*filter\n:INPUT DROP "
    "[0:0]\n:f - [0:0]\n-A INPUT -m conntrack --ctstate NEW -j f\n-A f -s "
    "10.0.0.0/8 ! -i eth1 -p tcp -m multiport --dports 22,11211:11213 -m "
    "limit --limit 3/sec -j ACCEPT\n-A f -m set --match-set a src -j DROP\n"
    "COMMIT\n",
    "create a hash:net family inet hashsize 64 maxelem 65536\nadd a "
    "10.1.0.0/16\nadd a 10.1.2.0/24 nomatch\n",
    "{\"nftables\": [{\"table\": {\"family\": \"inet\", \"name\": \"t\"}}, "
    "{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"c\", "
    "\"type\": \"filter\", \"hook\": \"input\", \"prio\": 0, \"policy\": "
    "\"drop\"}}, {\"rule\": {\"family\": \"inet\", \"table\": \"t\", "
    "\"chain\": \"c\", \"handle\": 4, \"expr\": [{\"match\": {\"op\": \"==\", "
    "\"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, "
    "\"right\": {\"set\": [22, {\"range\": [11211, 11213]}]}}}, {\"accept\": "
    "null}]}}]}",
    "[{\"ifname\": \"eth0\", \"addr_info\": [{\"family\": \"inet\", "
    "\"local\": \"192.0.2.10\", \"prefixlen\": 24}]}]",
    "{\"schema\": 1, \"files\": {\"/etc/memcached.conf\": {\"text\": \"-l "
    "0.0.0.0\\n\", \"mode\": \"0644\"}}, \"commands\": {\"iptables-save\": "
    "{\"stdout\": \"\", \"status\": 0}}, \"processes\": [{\"pid\": 812, "
    "\"argv\": [\"-l\", \"::\"], \"version\": \"1.6.18\"}]}",
    "{\"schema\": 1, \"allow\": [\"10.20.0.0/24\", \"2001:db8::/32\"], "
    "\"bind\": [\"10.20.0.10\"], \"udp\": true, \"ports\": [{\"proto\": "
    "\"tcp\", \"port\": 80}]}",
    "{\"from\": \"192.0.2.20\", \"to\": \"192.0.2.10\", \"proto\": \"udp\", "
    "\"port\": 11211, \"in\": \"eth0\", \"state\": \"new\"}",
    "10.20.0.0/24",
    "2001:db8::1",
};

#define LEN(array) (sizeof(array) / sizeof *(array))

static uint8_t input[8192];
static size_t len;
static uint64_t state;

/* Marsaglia's xorshift64*: below `bound`, which is not 0. */
static size_t below(size_t bound) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % bound;
}

static void append(const void *bytes, size_t n) {
    if (n > sizeof input - len) n = sizeof input - len;
    memcpy(input + len, bytes, n);
    len += n;
}

/* Changes the text, which follows the first byte. */
static void change(void) {
    static const char odd[] = "\0\xff\xc3\n\"\\{}[]/:-!,0179eE ";
    size_t at = 1 + below(len);
    size_t n = at < len ? 1 + below(len - at) : 0;
    const char *other = texts[below(LEN(texts))];
    switch (below(5)) {
    case 0: /* cut the end */
        if (below(4) == 0) len = at < len ? at : len;
        break;
    case 1: /* take a part out */
        memmove(input + at, input + at + n, len - at - n);
        len -= n;
        break;
    case 2: /* double a part */
        append(input + at, n);
        break;
    case 3: /* join a part of another */
        append(other, below(strlen(other)));
        break;
    default:
        if (n) input[at] = (uint8_t)odd[below(sizeof odd)];
    }
}

int main(int argc, char **argv) {
    unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
    unsigned long i, count = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000;
    printf("seed %lu, %lu inputs\n", seed, count);
    fflush(stdout);
    state = seed * 2 + 1;
    for (i = 0; i < count; i++) {
        const char *text = texts[below(LEN(texts))];
        size_t changes = below(6);
        input[0] = (uint8_t)below(29);
        len = 1;
        append(text, strlen(text));
        while (changes--) change();
        LLVMFuzzerTestOneInput(input, len);
    }
    printf("no panic\n");
    return 0;
}
