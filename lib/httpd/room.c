/* Bounds the connections of a server and chooses who leaves. */
#include "httpd/room.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/lanes.h"
#include "httpd/watch.h"

#include "base/poison.h"

enum {
    CONNECTIONS_MIN = 16,
    SPACE_PART = 16, /* of what is kept, on top of it */
    SPACE_MIN = 2,
    AGAIN_MS = 50,          /* when too few could be sent away */
    OTHER_DESCRIPTORS = 256 /* the bus, files, the lanes' own */
};

/* ---- how many ---- */

static unsigned space(unsigned kept)
{
    unsigned part = kept / SPACE_PART;
    return part < SPACE_MIN ? SPACE_MIN : part;
}

unsigned ov_http_room_most(const ov_httpd *h)
{
    return h->options.connections + space(h->options.connections);
}

/* The soft limit, raised to what is needed where the hard one allows that. */
static rlim_t descriptors(rlim_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return needed;
    if (limit.rlim_cur >= needed) return needed;
    struct rlimit raised = {limit.rlim_max < needed ? limit.rlim_max : needed, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

unsigned ov_http_room_for(unsigned wanted)
{
    if (wanted > OV_HTTP_CONNECTIONS_MAX) wanted = OV_HTTP_CONNECTIONS_MAX;
    if (wanted < CONNECTIONS_MIN) wanted = CONNECTIONS_MIN;
    rlim_t needed = wanted + space(wanted) + OTHER_DESCRIPTORS, there = descriptors(needed);
    if (there >= needed) return wanted;
    rlim_t left = there > OTHER_DESCRIPTORS ? (there - OTHER_DESCRIPTORS) * SPACE_PART / (SPACE_PART + 1) : 0;
    unsigned fewer = left < CONNECTIONS_MIN ? CONNECTIONS_MIN : (unsigned)left;
    ov_log_warn("fewer connections than wanted: too few file descriptors", "wanted", OV_FMT("%u", wanted), "kept",
                OV_FMT("%u", fewer), "descriptors", OV_FMT("%llu", (unsigned long long)there));
    return fewer;
}

/* ---- who ---- */

uint64_t ov_http_peer(const struct sockaddr *address)
{
    uint64_t half = 0;
    uint32_t four = 0;
    if (address && address->sa_family == AF_INET) {
        memcpy(&four, &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof four);
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(six))
            memcpy(&four, six->s6_addr + 12, sizeof four);
        else
            memcpy(&half, six->s6_addr, sizeof half);
    }
    return half ? half : four;
}

typedef struct {
    ov_http_connection *connection;
    uint64_t seen;
    int64_t since_ms;
    bool sending;
} candidate; /* to be sent away */

/* Connections of one address. */
typedef struct {
    uint64_t peer;
    size_t held;
} holder;

typedef struct {
    candidate *candidates;
    size_t candidate_count;
    holder *holders;
    size_t holder_count;
} census;

static void census_clear(census *s)
{
    free(s->candidates);
    free(s->holders);
}

/* An answer under way is cut off only when nobody else can go. */
static int by_merit(const void *a, const void *b)
{
    const candidate *left = a, *right = b;
    if (left->sending != right->sending) return left->sending ? 1 : -1;
    return left->since_ms < right->since_ms ? -1 : left->since_ms > right->since_ms;
}

static int by_peer(const void *a, const void *b)
{
    const holder *left = a, *right = b;
    return left->peer < right->peer ? -1 : left->peer > right->peer;
}

/* One holder for each address. */
static void holders_merge(census *s)
{
    size_t kept = 0;
    if (s->holder_count) qsort(s->holders, s->holder_count, sizeof *s->holders, by_peer);
    for (size_t i = 0; i < s->holder_count; i++) {
        if (kept && s->holders[kept - 1].peer == s->holders[i].peer)
            s->holders[kept - 1].held += s->holders[i].held;
        else
            s->holders[kept++] = s->holders[i];
    }
    s->holder_count = kept;
}

static void census_take(const ov_httpd *h, int64_t now_ms, size_t count, census *s)
{
    s->candidates = ov_calloc(count, sizeof *s->candidates);
    s->holders = ov_calloc(count, sizeof *s->holders);
    for (ov_http_connection *c = h->connections; c && s->holder_count < count; c = c->next) {
        if (c->leaving) continue;
        s->holders[s->holder_count++] = (holder){c->peer, 1};
        candidate it = {.connection = c};
        if (!ov_http_watch_since(c, &it.seen, &it.since_ms, &it.sending)) continue;
        if (now_ms - it.since_ms >= OV_HTTP_TURN_MS) s->candidates[s->candidate_count++] = it;
    }
    if (s->candidate_count) qsort(s->candidates, s->candidate_count, sizeof *s->candidates, by_merit);
    holders_merge(s);
}

static holder *holder_of(const census *s, uint64_t peer)
{
    holder wanted = {.peer = peer};
    return bsearch(&wanted, s->holders, s->holder_count, sizeof *s->holders, by_peer);
}

/* Sends up to wanted away whose address holds more than its share; how many. */
static size_t send_away(ov_httpd *h, const census *s, size_t wanted, size_t share)
{
    size_t sent = 0;
    for (size_t i = 0; i < s->candidate_count && sent < wanted; i++) {
        const candidate *it = &s->candidates[i];
        holder *of = holder_of(s, it->connection->peer);
        if (of->held <= share || !ov_http_watch_end(h, it->connection, it->seen, OV_WATCH_NO_ROOM)) continue;
        of->held--;
        sent++;
    }
    return sent;
}

void ov_http_room_make(ov_httpd *h, int64_t now_ms)
{
    size_t kept = h->options.connections, count = atomic_load(&h->connection_count);
    if (count <= kept + h->leaving || now_ms < h->room_after_ms) return;
    kept -= space(h->options.connections) / 2; /* some more than needed go, since looking at all has its price */
    OV_CLEANUP(census_clear) census s = {0};
    census_take(h, now_ms, count, &s);
    /* There are more than all shares together: whoever keeps to his share never has to go. */
    size_t wanted = count - h->leaving - kept, share = s.holder_count ? kept / s.holder_count : 0;
    if (send_away(h, &s, wanted, share) < wanted) h->room_after_ms = now_ms + AGAIN_MS;
}
