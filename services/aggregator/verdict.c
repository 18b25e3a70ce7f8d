/* Compares one running version with a rule's candidates and renders the tail of a gap once for all who run it. */
#include "services/aggregator/verdict.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "json/writer.h"
#include "proto/members.h"
#include "services/aggregator/entry.h"
#include "version/gap.h"
#include "base/poison.h"

enum { GAP_BYTES_MAX = 64 * 1024 * 1024 };

void verdict_id(const rule *r, ov_str canonical, char out[33])
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_str pieces[] = {ov_str_of(r->id), canonical};
    ov_sha256_pieces(pieces, OV_COUNT(pieces), hash);
    ov_hex(hash, 16, out);
}

verdict *verdict_new(ov_str id)
{
    verdict *v = ov_zalloc(sizeof *v);
    v->d.kind = DOC_VERDICT;
    memcpy(v->id, id.ptr, id.len < sizeof v->id ? id.len : sizeof v->id - 1);
    return v;
}

void verdict_bind(verdict *v, rule *r, ov_version *running)
{
    assert(!v->rule);
    v->rule = r;
    v->running = running;
    ov_map_put(&r->verdicts, running->canonical, v);
}

void verdict_unbind(verdict *v)
{
    if (!v->rule) return;
    ov_map_remove(&v->rule->verdicts, v->running->canonical);
    v->rule = NULL;
    ov_version_free(v->running);
    v->running = NULL;
}

void verdict_free(verdict *v, intern *texts)
{
    assert(v->ref_count == 0);
    verdict_unbind(v);
    intern_drop(texts, v->reason);
    free(v->gap);
    free(v->refs);
    free(v);
}

uint32_t verdict_add_ref(verdict *v, entry *who, uint32_t slot)
{
    ov_grow(&v->refs, &v->ref_cap, (size_t)v->ref_count + 1, sizeof *v->refs);
    v->refs[v->ref_count] = (verdict_ref){who, slot};
    v->wanted++;
    return v->ref_count++;
}

void verdict_drop_ref(verdict *v, uint32_t place)
{
    assert(place < v->ref_count);
    if (!v->refs[place].who->slots[v->refs[place].slot].over) v->wanted--;
    verdict_ref last = v->refs[--v->ref_count];
    if (place == v->ref_count) return;
    v->refs[place] = last;
    last.who->slots[last.slot].place = place;
}

static state_value compare(const verdict *v, const ov_gap *g)
{
    const rule *r = v->rule;
    if (r->stands == STANDING_OVERWORK) return STATE_INVALID;
    if (!r->candidates.count) {
        if (r->stands == STANDING_PENDING) return STATE_PENDING;
        return r->stands == STANDING_STALE ? STATE_STALE : STATE_NO_CANDIDATE;
    }
    if (r->stands == STANDING_STALE) return STATE_STALE;
    if (g->first_above < r->candidates.count) return STATE_BEHIND;
    const ov_version *latest = r->candidates.versions[r->candidates.count - 1];
    return ov_version_compare(v->running, latest) > 0 ? STATE_AHEAD : STATE_UP_TO_DATE;
}

static int64_t behind_since(const ov_candidates *c, const ov_gap *g)
{
    int64_t oldest = 0;
    for (size_t i = g->first_above; i < c->count; i++)
        if (c->dates[i] > 0 && (!oldest || c->dates[i] < oldest)) oldest = c->dates[i];
    return oldest;
}

static void write_range(ov_json_writer *w, const char *name, const ov_candidates *c, size_t from, size_t to)
{
    ov_json_open_array(w, name);
    for (size_t i = from; i < to; i++) ov_json_write_str(w, NULL, c->versions[i]->original);
    ov_json_close_array(w);
}

static void write_gap(const verdict *v, const ov_gap *g, state_value state, const intern *texts, ov_buf *out)
{
    const rule *r = v->rule;
    const ov_candidates *c = &r->candidates;
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, intern_text(texts, r->latest));
    write_range(&w, MEMBER_AVAILABLE_VERSIONS, c, g->first_above, c->count);
    ov_json_open_array(&w, MEMBER_AVAILABLE_MAJORS);
    for (size_t i = 0; i < g->majors_count; i++) ov_json_write_str(&w, NULL, c->versions[g->majors[i]]->original);
    ov_json_close_array(&w);
    write_range(&w, MEMBER_AVAILABLE_MINORS, c, g->minors_from, g->minors_to);
    write_range(&w, MEMBER_AVAILABLE_PATCHES, c, g->patches_from, g->patches_to);
    ov_json_write_bool(&w, MEMBER_MAJOR_AVAILABLE, g->majors_count > 0);
    ov_json_write_bool(&w, MEMBER_MINOR_AVAILABLE, g->minors_to > g->minors_from);
    ov_json_write_bool(&w, MEMBER_PATCH_AVAILABLE, g->patches_to > g->patches_from);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name(state));
    member_write_str(&w, MEMBER_REASON, intern_text(texts, r->reason));
    ov_json_close_object(&w);
}

void verdict_weigh(verdict *v)
{
    const rule *r = v->rule;
    const ov_version *const *versions = (const ov_version *const *)r->candidates.versions;
    v->weight = r->above[ov_gap_first_above(versions, r->candidates.count, v->running)];
    v->weighed = r->generation;
}

int64_t verdict_steps(const verdict *v)
{
    enum { BYTES_A_STEP = 8 };
    return OV_CANDIDATES_VERSION_STEPS + (int64_t)(v->weight / BYTES_A_STEP);
}

void verdict_forget(verdict *v)
{
    free(v->gap);
    v->gap = NULL;
    v->gap_len = 0;
}

verdict_change verdict_compute(verdict *v, intern *texts)
{
    const rule *r = v->rule;
    OV_CLEANUP(ov_gap_clear) ov_gap g = {0};
    ov_gap_compute((const ov_version *const *)r->candidates.versions, r->candidates.count, v->running, &g);
    state_value state = compare(v, &g);
    OV_CLEANUP(ov_buf_clear) ov_buf gap = OV_BUF(GAP_BYTES_MAX);
    write_gap(v, &g, state, texts, &gap);
    verdict_change change = {.entries = state != v->state || !v->gap};
    v->state = state;
    v->made = r->generation;
    change.entries |= intern_set(texts, &v->reason, intern_text(texts, r->reason));
    int64_t since_s = behind_since(&r->candidates, &g);
    change.document =
        change.entries || since_s != v->behind_since_s || !ov_str_eq(ov_buf_str(&gap), (ov_str){v->gap, v->gap_len});
    v->behind_since_s = since_s;
    if (!change.document) return change;
    free(v->gap);
    v->gap = ov_buf_take(&gap, &v->gap_len);
    return change;
}
