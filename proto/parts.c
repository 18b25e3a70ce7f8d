/* Cuts large bodies into messages and puts them together again. */
#include "proto/parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "deflate/deflate.h"
#include "proto/members.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum {
    REVISION_DIGITS = 16,
    PARTS_MAX = 65536,
    BODIES_MAX_BYTES = 1 << 30,
    KEEP_BYTES = 1 << 20, /* what a joiner keeps of its buffers between bodies */
    GROUP_BYTES = 256     /* what a pending group costs besides its parts */
};

#define MANIFEST_BEGIN "{\"" MEMBER_SCHEMA "\":1,\"" MEMBER_PARTS "\":"

static void revision_of(ov_str body, char out[REVISION_DIGITS + 1])
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256(body, hash);
    ov_hex(hash, REVISION_DIGITS / 2, out);
}

static void message_set(parts_message *m, const char *subject, ov_str data)
{
    snprintf(m->subject, sizeof m->subject, "%s", subject);
    m->data = data;
}

static void manifest_write(parts *p, ov_str body, size_t count)
{
    p->manifest = OV_BUF(BODIES_MAX_BYTES);
    ov_buf_append_c(&p->manifest, MANIFEST_BEGIN);
    ov_buf_append_u64(&p->manifest, count);
    ov_buf_printf(&p->manifest, ",\"" MEMBER_REVISION "\":\"%s\",\"" MEMBER_BYTES "\":%zu}", p->revision, body.len);
}

void parts_split(const char *subject, ov_str body, size_t limit, parts *ret)
{
    assert(limit > 0);
    *ret = (parts){0};
    if (body.len <= limit) {
        ret->messages = ov_calloc(1, sizeof *ret->messages);
        ret->count = 1;
        message_set(&ret->messages[0], subject, body);
        return;
    }
    revision_of(body, ret->revision);
    ret->deflated = OV_BUF(BODIES_MAX_BYTES);
    ov_deflate(body, &ret->deflated);
    ov_str all = ov_buf_str(&ret->deflated);
    size_t count = (all.len + limit - 1) / limit;
    manifest_write(ret, body, count);
    ret->messages = ov_calloc(count + 1, sizeof *ret->messages);
    ret->count = count + 1;
    for (size_t i = 0; i < count; i++) {
        message_set(&ret->messages[i], "", ov_str_sub(all, i * limit, (i + 1) * limit));
        snprintf(ret->messages[i].subject, sizeof ret->messages[i].subject, "%s.%s.%zu", subject, ret->revision, i);
    }
    message_set(&ret->messages[count], subject, ov_buf_str(&ret->manifest));
}

void parts_clear(parts *p)
{
    free(p->messages);
    ov_buf_clear(&p->deflated);
    ov_buf_clear(&p->manifest);
    *p = (parts){0};
}

/* Parts of one revision of one subject that wait for each other or for their manifest. */
typedef struct group group;
struct group {
    group *older, *newer;
    char *key; /* "<subject>.<revision>" */
    char **data;
    size_t *len;
    size_t cap, held; /* places, and how many of them are filled */
    size_t bytes;
};

/* What a subject's manifest said last. */
typedef struct {
    char revision[REVISION_DIGITS + 1];
    size_t parts, bytes;
    bool complete; /* was given to the reader */
} manifest;

struct parts_joiner {
    size_t body_max, pending_max, pending;
    ov_map groups, manifests;
    group *oldest, *newest;
    ov_buf deflated, body;
    char subject[SUBJECT_MAX];
};

parts_joiner *parts_joiner_new(size_t body_max, size_t pending_max_bytes)
{
    parts_joiner *j = ov_zalloc(sizeof *j);
    j->body_max = body_max;
    j->pending_max = pending_max_bytes;
    j->body = OV_BUF(body_max);
    j->deflated = OV_BUF(pending_max_bytes);
    return j;
}

static void group_drop(parts_joiner *j, group *g)
{
    ov_map_remove(&j->groups, ov_str_of(g->key));
    if (g->older) g->older->newer = g->newer;
    if (g->newer) g->newer->older = g->older;
    if (j->oldest == g) j->oldest = g->newer;
    if (j->newest == g) j->newest = g->older;
    j->pending -= g->bytes;
    for (size_t i = 0; i < g->cap; i++) free(g->data[i]);
    free(g->data);
    free(g->len);
    free(g->key);
    free(g);
}

void parts_joiner_reset(parts_joiner *j)
{
    while (j->oldest) group_drop(j, j->oldest);
    ov_map_clear(&j->groups);
    size_t at = 0;
    ov_str key;
    void *m;
    while (ov_map_next(&j->manifests, &at, &key, &m)) free(m);
    ov_map_clear(&j->manifests);
}

void parts_joiner_free(parts_joiner *j)
{
    if (!j) return;
    parts_joiner_reset(j);
    ov_buf_clear(&j->deflated);
    ov_buf_clear(&j->body);
    free(j);
}

static void group_key(ov_str subject, ov_str revision, char out[SUBJECT_MAX + REVISION_DIGITS + 2])
{
    snprintf(out, SUBJECT_MAX + REVISION_DIGITS + 2, "%.*s.%.*s", OV_STR_ARG(subject), OV_STR_ARG(revision));
}

static group *group_new(parts_joiner *j, const char *key)
{
    group *g = ov_zalloc(sizeof *g);
    g->key = ov_dup(ov_str_of(key));
    g->bytes = GROUP_BYTES;
    j->pending += g->bytes;
    g->older = j->newest;
    if (j->newest) j->newest->newer = g;
    j->newest = g;
    if (!j->oldest) j->oldest = g;
    ov_map_put(&j->groups, ov_str_of(key), g);
    return g;
}

static void group_reach(parts_joiner *j, group *g, size_t places)
{
    if (places <= g->cap) return;
    size_t cap = g->cap ? g->cap : 4;
    while (cap < places) cap *= 2;
    g->data = ov_realloc(g->data, cap, sizeof *g->data);
    g->len = ov_realloc(g->len, cap, sizeof *g->len);
    memset(g->data + g->cap, 0, (cap - g->cap) * sizeof *g->data);
    memset(g->len + g->cap, 0, (cap - g->cap) * sizeof *g->len);
    size_t more = (cap - g->cap) * (sizeof *g->data + sizeof *g->len);
    g->bytes += more;
    j->pending += more;
    g->cap = cap;
}

/* Older groups give way: their manifests never came, or come again with the next snapshot. */
static ov_status part_keep(parts_joiner *j, const subject_parsed *s, ov_str data, group **ret, ov_err *err)
{
    char key[SUBJECT_MAX + REVISION_DIGITS + 2];
    group_key(s->manifest, s->revision, key);
    if (s->part >= PARTS_MAX) return ov_fail(err, OV_INVALID, "part: %" PRIu64 ": too many", s->part);
    group *g = ov_map_get(&j->groups, ov_str_of(key));
    if (!g) g = group_new(j, key);
    group_reach(j, g, (size_t)s->part + 1);
    if (!g->data[s->part]) {
        g->data[s->part] = ov_dup(data);
        g->len[s->part] = data.len;
        g->held++;
        g->bytes += data.len;
        j->pending += data.len;
    }
    while (j->pending > j->pending_max && j->oldest != g) group_drop(j, j->oldest);
    if (j->pending > j->pending_max) {
        group_drop(j, g);
        return ov_fail(err, OV_INVALID, "parts: more than %zu bytes wait for their manifest", j->pending_max);
    }
    *ret = g;
    return OV_OK;
}

static ov_status group_inflate(parts_joiner *j, const group *g, manifest *m, ov_err *err)
{
    ov_buf_reset(&j->deflated);
    ov_buf_reset(&j->body);
    for (size_t i = 0; i < m->parts; i++) ov_buf_append(&j->deflated, g->data[i], g->len[i]);
    ov_status st = ov_buf_finish(&j->deflated, "parts", err);
    if (st == OV_OK) st = ov_inflate(ov_buf_str(&j->deflated), &j->body, err);
    if (st != OV_OK) return ov_fail_in(err, OV_INVALID, "parts");
    char revision[REVISION_DIGITS + 1];
    revision_of(ov_buf_str(&j->body), revision);
    if (j->body.len != m->bytes || memcmp(revision, m->revision, sizeof revision) != 0)
        return ov_fail(err, OV_INVALID, "parts: revision %s: the body is another one", m->revision);
    return OV_OK;
}

/* Gives the body when the group holds all that its manifest counts. */
static ov_status try_complete(parts_joiner *j, ov_str subject, manifest *m, ov_str *ret_subject, ov_str *ret_body,
                              ov_err *err)
{
    char key[SUBJECT_MAX + REVISION_DIGITS + 2];
    group_key(subject, ov_str_of(m->revision), key);
    group *g = ov_map_get(&j->groups, ov_str_of(key));
    if (!g || g->held < m->parts) return OV_OK;
    for (size_t i = 0; i < m->parts; i++) {
        if (i >= g->cap || !g->data[i]) return OV_OK;
    }
    ov_status st = group_inflate(j, g, m, err);
    group_drop(j, g);
    if (st != OV_OK) return st;
    m->complete = true;
    memcpy(j->subject, subject.ptr, subject.len);
    *ret_subject = (ov_str){j->subject, subject.len};
    *ret_body = ov_buf_str(&j->body);
    if (!ret_body->ptr) *ret_body = OV_STR("");
    return OV_OK;
}

typedef struct {
    int64_t schema, parts, bytes;
    ov_str revision;
} manifest_wire;

static const ov_field manifest_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(manifest_wire, schema)},
    {MEMBER_PARTS, OV_FIELD_I64, true, offsetof(manifest_wire, parts)},
    {MEMBER_REVISION, OV_FIELD_STRING, true, offsetof(manifest_wire, revision)},
    {MEMBER_BYTES, OV_FIELD_I64, true, offsetof(manifest_wire, bytes)},
};

static ov_status manifest_decode(ov_str data, size_t body_max, manifest *ret, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    manifest_wire w = {0};
    ov_status st = ov_json_fields_of(data, manifest_fields, OV_COUNT(manifest_fields), &w, &arena, "manifest: ", err);
    if (st == OV_OK) st = hex_check(w.revision, REVISION_DIGITS, "manifest: " MEMBER_REVISION, err);
    if (st != OV_OK) return st;
    if (w.parts < 1 || w.parts > PARTS_MAX) return ov_fail(err, OV_INVALID, "manifest: " MEMBER_PARTS ": out of range");
    if (w.bytes < 0 || (uint64_t)w.bytes > body_max)
        return ov_fail(err, OV_INVALID, "manifest: " MEMBER_BYTES ": more than %zu", body_max);
    *ret = (manifest){.parts = (size_t)w.parts, .bytes = (size_t)w.bytes};
    memcpy(ret->revision, w.revision.ptr, REVISION_DIGITS);
    return OV_OK;
}

static ov_status take_part(parts_joiner *j, const subject_parsed *s, ov_str data, ov_str *ret_subject, ov_str *ret_body,
                           ov_err *err)
{
    if (!data.len) return OV_OK; /* its removal */
    manifest *m = ov_map_get(&j->manifests, s->manifest);
    bool known = m && ov_str_eq(s->revision, ov_str_of(m->revision));
    if (known && m->complete) return OV_OK;
    group *g = NULL;
    ov_status st = part_keep(j, s, data, &g, err);
    if (st != OV_OK || !known) return st;
    return try_complete(j, s->manifest, m, ret_subject, ret_body, err);
}

static ov_status take_manifest(parts_joiner *j, ov_str subject, ov_str data, ov_str *ret_subject, ov_str *ret_body,
                               ov_err *err)
{
    manifest said;
    ov_status st = manifest_decode(data, j->body_max, &said, err);
    if (st != OV_OK) return st;
    manifest *m = ov_map_get(&j->manifests, subject);
    if (m && m->complete && memcmp(m->revision, said.revision, sizeof said.revision) == 0) return OV_OK;
    if (!m) {
        m = ov_alloc(sizeof *m);
        ov_map_put(&j->manifests, subject, m);
    }
    *m = said;
    return try_complete(j, subject, m, ret_subject, ret_body, err);
}

static void shrink(ov_buf *b)
{
    if (b->cap > KEEP_BYTES) ov_buf_clear(b);
}

ov_status parts_join(parts_joiner *j, ov_str subject, ov_str data, ov_str *ret_subject, ov_str *ret_body, ov_err *err)
{
    *ret_body = *ret_subject = (ov_str){0};
    shrink(&j->deflated);
    shrink(&j->body);
    if (subject.len >= SUBJECT_MAX) return ov_fail(err, OV_INVALID, "subject: more than %d bytes", SUBJECT_MAX);
    subject_parsed s;
    subject_parse(subject, &s);
    if (s.kind == SUBJECT_LIST_PART || s.kind == SUBJECT_STATE_PART)
        return take_part(j, &s, data, ret_subject, ret_body, err);
    if (ov_str_starts(data, OV_STR(MANIFEST_BEGIN))) return take_manifest(j, subject, data, ret_subject, ret_body, err);
    free(ov_map_remove(&j->manifests, subject));
    *ret_subject = subject;
    *ret_body = data.ptr ? data : OV_STR("");
    return OV_OK;
}
