/* Makes subjects and keys from ids, and reads them back. */
#include "proto/subjects.h"

#include <stdio.h>

#include "crypto/hash.h"

#include "base/poison.h"

enum { REVISION_DIGITS = 16, TOKENS_MAX = 8, PART_DIGITS_MAX = 9 };

static const char hex_upper[] = "0123456789ABCDEF";

static bool stays(ov_str id, size_t i)
{
    unsigned char c = (unsigned char)id.ptr[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-') return true;
    if (c == '_') return id.len > 1;
    return c == '/' && i > 0 && i + 1 < id.len;
}

static void hashed_token(ov_str id, char out[SUBJECT_TOKEN_MAX + 1])
{
    out[0] = '=';
    out[1] = 'h';
    ov_sha256_hex(id, out + 2);
}

void subject_escape(ov_str id, char out[SUBJECT_TOKEN_MAX + 1])
{
    size_t n = 0;
    if (!id.len) out[n++] = '=';
    for (size_t i = 0; i < id.len; i++) {
        bool plain = stays(id, i);
        if (n + (plain ? 1 : 3) > SUBJECT_TOKEN_MAX) {
            hashed_token(id, out);
            return;
        }
        if (plain) {
            out[n++] = id.ptr[i];
            continue;
        }
        unsigned char c = (unsigned char)id.ptr[i];
        out[n++] = '=';
        out[n++] = hex_upper[c >> 4];
        out[n++] = hex_upper[c & 15];
    }
    out[n] = '\0';
}

bool subject_token_is(ov_str token, ov_str id)
{
    char expected[SUBJECT_TOKEN_MAX + 1];
    subject_escape(id, expected);
    return ov_str_eq(token, ov_str_of(expected));
}

ov_status subject_id_check(ov_str id, const char *what, ov_err *err)
{
    if (!id.len) return ov_fail(err, OV_INVALID, "%s: missing", what);
    if (id.len > ID_MAX) return ov_fail(err, OV_INVALID, "%s: more than %d bytes", what, ID_MAX);
    if (memchr(id.ptr, '\0', id.len)) return ov_fail(err, OV_INVALID, "%s: holds NUL", what);
    if (!ov_str_is_utf8(id)) return ov_fail(err, OV_INVALID, "%s: not UTF-8", what);
    return OV_OK;
}

/* prefix, then up to three tokens with dots between. */
static void join(const char *prefix, const ov_str *ids, size_t count, char out[SUBJECT_MAX])
{
    size_t n = strlen(prefix);
    memcpy(out, prefix, n);
    for (size_t i = 0; i < count; i++) {
        if (i) out[n++] = '.';
        subject_escape(ids[i], out + n);
        n += strlen(out + n);
    }
    out[n] = '\0';
}

void subject_report(ov_str agent, ov_str tracker, char out[SUBJECT_MAX])
{
    join("opvic.report.", (ov_str[]){agent, tracker}, 2, out);
}

void subject_heartbeat(ov_str agent, char out[SUBJECT_MAX])
{
    join("opvic.heartbeat.", &agent, 1, out);
}

void subject_inventory(ov_str agent, char out[SUBJECT_MAX])
{
    join("opvic.inventory.", &agent, 1, out);
}

void subject_job(ov_str provider, ov_str source, char out[SUBJECT_MAX])
{
    join("opvic.job.", (ov_str[]){provider, source}, 2, out);
}

void subject_list(ov_str source, ov_str list, char out[SUBJECT_MAX])
{
    join("opvic.list.", (ov_str[]){source, list}, 2, out);
}

void subject_lookup(ov_str source, char out[SUBJECT_MAX])
{
    join("opvic.lookup.", &source, 1, out);
}

static void token_or_none(ov_str id, char out[SUBJECT_TOKEN_MAX + 1])
{
    if (id.ptr)
        subject_escape(id, out);
    else
        memcpy(out, "_", 2);
}

void subject_event(const char *type, ov_str agent, ov_str tracker, char out[SUBJECT_MAX])
{
    char agent_token[SUBJECT_TOKEN_MAX + 1], tracker_token[SUBJECT_TOKEN_MAX + 1];
    token_or_none(agent, agent_token);
    token_or_none(tracker, tracker_token);
    snprintf(out, SUBJECT_MAX, "opvic.event.%s.%s.%s", type, agent_token, tracker_token);
}

void subject_ask_report(ov_str agent, char out[SUBJECT_MAX])
{
    join("opvic.ask.report.", &agent, 1, out);
}

void subject_ask_refresh(ov_str source, char out[SUBJECT_MAX])
{
    join("opvic.ask.refresh.", &source, 1, out);
}

void subject_dead(const char *stream, uint64_t sequence, char out[SUBJECT_MAX])
{
    snprintf(out, SUBJECT_MAX, "opvic.dead.%s.%llu", stream, (unsigned long long)sequence);
}

void key_entry(ov_str agent, ov_str tracker, char out[SUBJECT_MAX])
{
    join(STATE_PREFIX "entry.", (ov_str[]){agent, tracker}, 2, out);
}

void key_verdict(ov_str id, char out[SUBJECT_MAX])
{
    join(STATE_PREFIX "verdict.", &id, 1, out);
}

void key_source(ov_str source, char out[SUBJECT_MAX])
{
    join(STATE_PREFIX "source.", &source, 1, out);
}

void key_agent(ov_str agent, char out[SUBJECT_MAX])
{
    join(STATE_PREFIX "agent.", &agent, 1, out);
}

void key_live(unsigned shard, char out[SUBJECT_MAX])
{
    snprintf(out, SUBJECT_MAX, STATE_PREFIX "live.%u", shard);
}

void key_meta(const char *name, char out[SUBJECT_MAX])
{
    join(STATE_PREFIX "meta.", (ov_str[]){ov_str_of(name)}, 1, out);
}

void key_budget(ov_str host, ov_str credential, char out[SUBJECT_MAX])
{
    join(BUDGET_PREFIX, (ov_str[]){host, credential}, 2, out);
}

/* One row a kind: what its subject begins with, how many tokens follow, and what it is with a part's two more. */
static const struct {
    const char *prefix;
    unsigned tokens;
    subject_kind kind, part;
} shapes[] = {
    {"opvic.report.", 2, SUBJECT_REPORT, SUBJECT_UNKNOWN},
    {"opvic.heartbeat.", 1, SUBJECT_HEARTBEAT, SUBJECT_UNKNOWN},
    {"opvic.inventory.", 1, SUBJECT_INVENTORY, SUBJECT_UNKNOWN},
    {"opvic.job.", 2, SUBJECT_JOB, SUBJECT_UNKNOWN},
    {"opvic.list.", 2, SUBJECT_LIST, SUBJECT_LIST_PART},
    {"opvic.lookup.", 1, SUBJECT_LOOKUP, SUBJECT_UNKNOWN},
    {"opvic.event.", 3, SUBJECT_EVENT, SUBJECT_UNKNOWN},
    {"opvic.ask.report.", 1, SUBJECT_ASK_REPORT, SUBJECT_UNKNOWN},
    {"opvic.ask.refresh.", 1, SUBJECT_ASK_REFRESH_ONE, SUBJECT_UNKNOWN},
    {STATE_PREFIX "entry.", 2, SUBJECT_ENTRY, SUBJECT_STATE_PART},
    {STATE_PREFIX "verdict.", 1, SUBJECT_VERDICT, SUBJECT_STATE_PART},
    {STATE_PREFIX "source.", 1, SUBJECT_SOURCE, SUBJECT_STATE_PART},
    {STATE_PREFIX "agent.", 1, SUBJECT_AGENT, SUBJECT_STATE_PART},
    {STATE_PREFIX "live.", 1, SUBJECT_LIVE, SUBJECT_STATE_PART},
    {STATE_PREFIX "meta.", 1, SUBJECT_META, SUBJECT_STATE_PART},
};

/* Cuts rest into tokens; 0 when there are too many or one is empty. */
static size_t cut_tokens(ov_str rest, ov_str tokens[TOKENS_MAX])
{
    size_t count = 0;
    ov_str token;
    while (ov_str_split(&rest, '.', &token)) {
        if (!token.len || count == TOKENS_MAX) return 0;
        tokens[count++] = token;
    }
    return count;
}

static bool is_revision(ov_str s)
{
    if (s.len != REVISION_DIGITS) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) return false;
    }
    return true;
}

static bool part_number(ov_str s, uint64_t *ret)
{
    return s.len <= PART_DIGITS_MAX && (s.len == 1 || s.ptr[0] != '0') && ov_str_to_u64(s, ret);
}

static void parse_as(size_t shape, ov_str subject, subject_parsed *ret)
{
    ov_str tokens[TOKENS_MAX];
    size_t want = shapes[shape].tokens;
    size_t count = cut_tokens(ov_str_sub(subject, strlen(shapes[shape].prefix), subject.len), tokens);
    bool part = shapes[shape].part != SUBJECT_UNKNOWN && count == want + 2 && is_revision(tokens[want]) &&
                part_number(tokens[want + 1], &ret->part);
    if (count != want && !part) return;
    ret->kind = part ? shapes[shape].part : shapes[shape].kind;
    for (size_t i = 0; i < want; i++) ret->token[i] = tokens[i];
    if (!part) return;
    ret->revision = tokens[want];
    ret->manifest = ov_str_sub(subject, 0, (size_t)(tokens[want].ptr - subject.ptr) - 1);
}

void subject_parse(ov_str subject, subject_parsed *ret)
{
    *ret = (subject_parsed){.kind = SUBJECT_UNKNOWN, .manifest = subject};
    for (size_t i = 0; i < OV_COUNT(shapes); i++) {
        if (!ov_str_starts(subject, ov_str_of(shapes[i].prefix))) continue;
        parse_as(i, subject, ret);
        return;
    }
}
