/* Which addresses may be connected to: what is not the public internet is refused unless a CIDR allows it. */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <string.h>

#include "fetch/cidr.h"
#include "base/poison.h"

typedef struct {
    unsigned char address[16];
    unsigned bits;
} cidr;

/* IPv4, as the IPv6 that maps it (https://www.iana.org/assignments/iana-ipv4-special-registry). */
#define V4(a, b, c, d, n)                                                \
    {                                                                    \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n) \
    }
static const cidr refused[] = {
    V4(0, 0, 0, 0, 8),
    V4(10, 0, 0, 0, 8),
    V4(100, 64, 0, 0, 10),
    V4(127, 0, 0, 0, 8),
    V4(169, 254, 0, 0, 16),
    V4(172, 16, 0, 0, 12),
    V4(192, 0, 0, 0, 24),
    V4(192, 0, 2, 0, 24),
    V4(192, 88, 99, 0, 24),
    V4(192, 168, 0, 0, 16),
    V4(198, 18, 0, 0, 15),
    V4(198, 51, 100, 0, 24),
    V4(203, 0, 113, 0, 24),
    V4(224, 0, 0, 0, 4),
    V4(240, 0, 0, 0, 4),
    /* https://www.iana.org/assignments/iana-ipv6-special-registry; ::/96 holds ::, ::1 and the IPv4-compatible form. */
    {{0}, 96},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, /* IPv4-translated, RFC 2765 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48},          /* NAT64 of a local prefix: what is behind cannot be told */
    {{1}, 64},
    {{0x20, 0x01}, 23}, /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x3f, 0xff}, 20},
    {{0x5f, 0x00}, 16},
    {{0xfc}, 7},
    {{0xfe, 0x80}, 10},
    {{0xfe, 0xc0}, 10},
    {{0xff}, 8},
};

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const unsigned char nat64_prefix[12] = {0, 0x64, 0xff, 0x9b}; /* RFC 6052 */

bool ov_cidr_within(const unsigned char *address, const unsigned char *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(address, net, whole) != 0) return false;
    if (rest == 0) return true;
    unsigned mask = 0xffu << (8 - rest);
    return ((address[whole] ^ net[whole]) & mask & 0xffu) == 0;
}

/* The IPv4 that an IPv6 address carries (NAT64, 6to4), in mapped form; others stay as they are. */
static void unwrap(const unsigned char in[16], unsigned char out[16])
{
    const unsigned char *v4 = NULL;
    if (memcmp(in, nat64_prefix, sizeof nat64_prefix) == 0) v4 = in + 12;
    if (in[0] == 0x20 && in[1] == 0x02) v4 = in + 2; /* RFC 3056 */
    memcpy(out, v4 ? mapped_prefix : in, 12);
    memcpy(out + 12, v4 ? v4 : in + 12, 4);
}

bool ov_fetch_policy_allows(const ov_fetch_policy *p, const unsigned char *address, size_t len)
{
    if (p && p->allow_all) return true;
    unsigned char raw[16], inner[16];
    if (len == 4) {
        memcpy(raw, mapped_prefix, 12);
        memcpy(raw + 12, address, 4);
    } else if (len == 16) {
        memcpy(raw, address, 16);
    } else {
        return false;
    }
    unwrap(raw, inner);
    for (size_t i = 0; p && i < p->allowed_count; i++) {
        if (ov_cidr_within(raw, p->allowed[i].address, p->allowed[i].bits)) return true;
        if (ov_cidr_within(inner, p->allowed[i].address, p->allowed[i].bits)) return true;
    }
    for (size_t i = 0; i < OV_COUNT(refused); i++)
        if (ov_cidr_within(inner, refused[i].address, refused[i].bits)) return false;
    return true;
}

static bool parse_cidr(ov_str text, unsigned char address[16], unsigned *bits)
{
    size_t slash = ov_str_find(text, '/', 0);
    char host[INET6_ADDRSTRLEN];
    if (slash == 0 || slash >= sizeof host) return false;
    memcpy(host, text.ptr, slash);
    host[slash] = '\0';
    bool v4 = inet_pton(AF_INET, host, address + 12) == 1;
    if (v4)
        memcpy(address, mapped_prefix, 12);
    else if (inet_pton(AF_INET6, host, address) != 1)
        return false;
    uint64_t most = v4 ? 32 : 128, n = most;
    if (slash < text.len && (!ov_str_to_u64(ov_str_sub(text, slash + 1, text.len), &n) || n > most)) return false;
    *bits = (unsigned)n + (v4 ? 96 : 0);
    return true;
}

ov_status ov_fetch_policy_parse(ov_str cidrs, ov_fetch_policy *ret, ov_err *err)
{
    ov_fetch_policy p = {0};
    ov_str part;
    while (ov_str_split(&cidrs, ',', &part)) {
        part = ov_str_trim(part);
        if (part.len == 0) continue;
        if (p.allowed_count == OV_FETCH_CIDRS_MAX)
            return ov_fail(err, OV_INVALID, "more than %d address ranges", OV_FETCH_CIDRS_MAX);
        if (!parse_cidr(part, p.allowed[p.allowed_count].address, &p.allowed[p.allowed_count].bits))
            return ov_fail(err, OV_INVALID, "\"%.*s\": expected an address range such as 10.0.0.0/8 or fd00::/8",
                           OV_STR_ARG(ov_str_sub(part, 0, 64)));
        p.allowed_count++;
    }
    *ret = p;
    return OV_OK;
}
