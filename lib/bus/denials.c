/* What the server refuses for want of a right: told when it begins, ended when it is tried again and not refused. */
#include "bus/internal.h"

#include "base/poison.h"

enum {
    SETTLE_MS = 2000,    /* a try that was not refused for so long was allowed */
    FORGET_MS = 600000,  /* what nobody tries again says nothing any more */
    SHOWN_SUBJECT = 200, /* bytes */
};

/* ---- the server's words ---- */

typedef struct {
    ov_bus_right right;
    ov_str subject; /* empty: not told */
} violation;

/* 'Permissions Violation for Publish to "x"' or '... for Subscription to "x"', perhaps with more behind it. */
static violation violation_parse(const char *text)
{
    static const char mark[] = " to \"";
    violation v = {.right = strstr(text, "Publish to") ? OV_BUS_PUBLISH : OV_BUS_SUBSCRIBE};
    const char *at = strstr(text, mark);
    if (!at) return v;
    ov_str rest = ov_str_of(at + sizeof mark - 1);
    v.subject = ov_str_sub(rest, 0, ov_str_find(rest, '"', 0));
    return v;
}

/* "$JS.ACK.<stream>" of what begins with it; the whole subject when it is not of that kind. */
static ov_str stream_of(ov_str subject)
{
    size_t at = ov_str_starts(subject, OV_STR("$JS.ACK.")) ? 8 : ov_str_starts(subject, OV_STR("$JS.FC.")) ? 7 : 0;
    return at ? ov_str_sub(subject, 0, ov_str_find(subject, '.', at)) : subject;
}

/* Subjects that are new each time, of answers, acknowledgements and flow control, stand for one right. */
static ov_str one_for_all(const ov_bus *bus, ov_bus_right right, ov_str subject)
{
    if (right == OV_BUS_PUBLISH) return stream_of(subject);
    size_t len = strlen(bus->inbox);
    bool own = subject.len > len && subject.ptr[len] == '.' && ov_str_starts(subject, ov_str_of(bus->inbox));
    return own ? ov_str_of(bus->answers) : subject;
}

static void denial_show(const ov_bus *bus, const ov_bus_denial *d, char out[OV_BUS_DENIAL_TEXT])
{
    const char *what = d->right == OV_BUS_PUBLISH ? "publish to" : "subscribe to", *rest = d->is_family ? ".>" : "";
    if (bus->user)
        snprintf(out, OV_BUS_DENIAL_TEXT, "%s \"%s%s\" as user \"%.60s\"", what, d->subject, rest, bus->user);
    else
        snprintf(out, OV_BUS_DENIAL_TEXT, "%s \"%s%s\" as the user of its settings", what, d->subject, rest);
}

/* ---- the table; all with the lock ---- */

static ov_bus_denial *find(ov_bus *bus, ov_bus_right right, uint64_t hash)
{
    for (size_t i = 0; i < bus->denial_count; i++)
        if (bus->denials[i].right == right && bus->denials[i].subject_hash == hash) return &bus->denials[i];
    return NULL;
}

/* The table is bounded: of more, the one that was refused least lately gives way. */
static ov_bus_denial *place(ov_bus *bus)
{
    if (bus->denial_count < OV_BUS_DENIALS) return &bus->denials[bus->denial_count++];
    ov_bus_denial *oldest = &bus->denials[0];
    for (size_t i = 1; i < OV_BUS_DENIALS; i++)
        if (bus->denials[i].at_ms < oldest->at_ms) oldest = &bus->denials[i];
    return oldest;
}

static bool note(ov_bus *bus, ov_bus_right right, ov_str subject, bool is_family, char out[OV_BUS_DENIAL_TEXT])
{
    uint64_t hash = ov_str_hash(subject);
    ov_bus_denial *d = find(bus, right, hash);
    bool known = d != NULL;
    if (!known) {
        d = place(bus);
        *d = (ov_bus_denial){.right = right, .is_family = is_family, .subject_hash = hash};
        snprintf(d->subject, sizeof d->subject, "%.*s",
                 (int)(subject.len < SHOWN_SUBJECT ? subject.len : SHOWN_SUBJECT), subject.ptr);
    }
    d->at_ms = ov_mono_now().ms;
    d->tried_ms = 0;
    denial_show(bus, d, out);
    return known;
}

static bool is_over(const ov_bus_denial *d, int64_t now_ms)
{
    return d->tried_ms ? now_ms - d->tried_ms >= SETTLE_MS : now_ms - d->at_ms >= FORGET_MS;
}

/* ---- refusing ---- */

void ov_bus_denials_take(ov_bus *bus, const char *text)
{
    violation v = violation_parse(text);
    char what[OV_BUS_DENIAL_TEXT], told[OV_BUS_DENIAL_TEXT + 32];
    if (v.subject.len == 0) { /* nothing that could be seen to end */
        if (bus->on_change) bus->on_change(bus->arg, OV_BUS_DENIED, text);
        return;
    }
    ov_str subject = one_for_all(bus, v.right, v.subject);
    pthread_mutex_lock(&bus->mu);
    bool known = note(bus, v.right, subject, subject.len < v.subject.len && v.right == OV_BUS_PUBLISH, what);
    ov_bus_kick_locked(bus); /* to try again, and to look whether it is over */
    pthread_mutex_unlock(&bus->mu);
    snprintf(told, sizeof told, "permission denied: %s", what);
    if (v.right == OV_BUS_PUBLISH)
        ov_bus_store_denied(bus, v.subject, told);
    else if (subject.ptr == bus->answers)
        ov_bus_store_denied(bus, (ov_str){0}, told);
    if (bus->on_change) bus->on_change(bus->arg, known ? OV_BUS_DENIED_AGAIN : OV_BUS_DENIED, told);
}

/* ---- questions ---- */

bool ov_bus_is_denied(ov_bus *bus, ov_bus_right right, const char *subject, int64_t since_ms,
                      char out[OV_BUS_DENIAL_TEXT])
{
    if (atomic_load(&bus->denial_count) == 0) return false;
    uint64_t hash = ov_str_hash(one_for_all(bus, right, ov_str_of(subject)));
    pthread_mutex_lock(&bus->mu);
    const ov_bus_denial *d = find(bus, right, hash);
    bool denied = d && d->at_ms >= since_ms;
    if (denied) denial_show(bus, d, out);
    pthread_mutex_unlock(&bus->mu);
    return denied;
}

bool ov_bus_are_answers_denied(ov_bus *bus, char out[OV_BUS_DENIAL_TEXT])
{
    return ov_bus_is_denied(bus, OV_BUS_SUBSCRIBE, bus->answers, 0, out);
}

bool ov_bus_denial_at(const ov_bus *bus, size_t at, char out[OV_BUS_DENIAL_TEXT])
{
    ov_bus *b = (ov_bus *)bus; /* the lock is no part of what const promises */
    pthread_mutex_lock(&b->mu);
    bool found = at < b->denial_count;
    if (found) denial_show(b, &b->denials[at], out);
    pthread_mutex_unlock(&b->mu);
    return found;
}

size_t ov_bus_denial_count(const ov_bus *bus)
{
    return atomic_load(&bus->denial_count);
}

/* ---- trying again ---- */

void ov_bus_denials_try(ov_bus *bus, ov_bus_right right, const char *subject)
{
    if (atomic_load(&bus->denial_count) == 0) return;
    uint64_t hash = ov_str_hash(one_for_all(bus, right, ov_str_of(subject)));
    int64_t now_ms = ov_mono_now().ms;
    pthread_mutex_lock(&bus->mu);
    ov_bus_denial *d = find(bus, right, hash);
    if (d && !d->tried_ms) {
        d->tried_ms = now_ms;
        ov_bus_kick_locked(bus);
    }
    pthread_mutex_unlock(&bus->mu);
}

bool ov_bus_is_retry_due(ov_bus *bus, const char *subject, int64_t now_ms)
{
    if (atomic_load(&bus->denial_count) == 0) return false;
    uint64_t hash = ov_str_hash(one_for_all(bus, OV_BUS_SUBSCRIBE, ov_str_of(subject)));
    pthread_mutex_lock(&bus->mu);
    const ov_bus_denial *d = find(bus, OV_BUS_SUBSCRIBE, hash);
    bool due = d && !d->tried_ms && now_ms - d->at_ms >= OV_BUS_DENIED_RETRY_MS;
    pthread_mutex_unlock(&bus->mu);
    return due;
}

void ov_bus_denials_link_ended(ov_bus *bus)
{
    pthread_mutex_lock(&bus->mu);
    for (size_t i = 0; i < bus->denial_count; i++) bus->denials[i].tried_ms = 0;
    pthread_mutex_unlock(&bus->mu);
}

/* One that is over, out of the table. */
static bool take_over(ov_bus *bus, int64_t now_ms, char out[OV_BUS_DENIAL_TEXT])
{
    bool found = false;
    pthread_mutex_lock(&bus->mu);
    for (size_t i = 0; i < bus->denial_count && !found; i++) {
        if (!is_over(&bus->denials[i], now_ms)) continue;
        found = true;
        denial_show(bus, &bus->denials[i], out);
        bus->denials[i] = bus->denials[bus->denial_count - 1];
        bus->denial_count--;
    }
    pthread_mutex_unlock(&bus->mu);
    return found;
}

int64_t ov_bus_denials_serve(ov_bus *bus, int64_t now_ms)
{
    char text[OV_BUS_DENIAL_TEXT];
    if (atomic_load(&bus->denial_count) == 0) return INT64_MAX;
    while (take_over(bus, now_ms, text))
        if (bus->on_change) bus->on_change(bus->arg, OV_BUS_ALLOWED, text);
    return atomic_load(&bus->denial_count) ? now_ms + SETTLE_MS / 2 : INT64_MAX;
}
