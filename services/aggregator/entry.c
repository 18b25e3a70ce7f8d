/* Entries in slabs, the bytes they share, and what each shows: the worst of its versions. */
#include "services/aggregator/entry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { SLAB_ENTRIES = 512 };

#define LEFT_OUT "left out: this tracker runs too many versions for a list of this size"

blob *blob_new(ov_str bytes, ov_str uniq)
{
    blob *b = ov_alloc(sizeof *b + bytes.len);
    b->refs = 1;
    b->len = (uint32_t)bytes.len;
    b->uniq_at = uniq.len ? (uint32_t)(uniq.ptr - bytes.ptr) : 0;
    b->uniq_len = (uint32_t)uniq.len;
    if (bytes.len) memcpy(b->bytes, bytes.ptr, bytes.len);
    return b;
}

blob *blob_share(blob *b)
{
    if (b) b->refs++;
    return b;
}

void blob_drop(blob *b)
{
    if (b && --b->refs == 0) free(b);
}

ov_str blob_str(const blob *b)
{
    return b ? (ov_str){b->bytes, b->len} : OV_STR("");
}

struct entry_slab {
    entry_slab *next;
    entry entries[SLAB_ENTRIES];
};

/* Free records are linked by their document's link. */
static void add_slab(entry_pool *p)
{
    entry_slab *s = ov_zalloc(sizeof *s);
    s->next = p->slabs;
    p->slabs = s;
    for (size_t i = SLAB_ENTRIES; i-- > 0;) {
        s->entries[i].d.next = (doc *)p->unused;
        p->unused = &s->entries[i];
    }
}

entry *entry_new(entry_pool *p, agent *a, ov_str id)
{
    if (!p->unused) add_slab(p);
    entry *e = p->unused;
    p->unused = (entry *)e->d.next;
    p->live++;
    *e = (entry){.d.kind = DOC_ENTRY, .agent = a, .id = ov_dup(id)};
    return e;
}

void entry_free(entry_pool *p, entry *e, intern *texts)
{
    assert(!e->slots && !e->rule && !e->ends && !e->d.queued);
    wheel_disarm(&e->node);
    blob_drop(e->report);
    blob_drop(e->stored_report);
    intern_drop(texts, e->instance);
    intern_drop(texts, e->fault);
    intern_drop(texts, e->remark);
    intern_drop(texts, e->stored_latest);
    intern_drop(texts, e->stored_living);
    free(e->id);
    *e = (entry){.d.next = (doc *)p->unused};
    p->unused = e;
    p->live--;
}

void entry_pool_clear(entry_pool *p)
{
    while (p->slabs) {
        entry_slab *next = p->slabs->next;
        free(p->slabs);
        p->slabs = next;
    }
    *p = (entry_pool){0};
}

/* The worse one stands for the entry. */
static int severity(state_value s)
{
    static const int table[] = {
        [STATE_UP_TO_DATE] = 0,   [STATE_UNKNOWN_REMOTE] = 1, [STATE_AHEAD] = 2,
        [STATE_BEHIND] = 3,       [STATE_PENDING] = 4,        [STATE_STALE] = 5,
        [STATE_NO_CANDIDATE] = 6, [STATE_UNPARSEABLE] = 7,    [STATE_INVALID] = 8,
    };
    return table[s];
}

static ov_str latest_of(const entry *e, const intern *texts)
{
    return e->rule && !e->fault ? intern_text(texts, e->rule->latest) : OV_STR("missing");
}

void entry_slot_look(const entry *e, uint32_t slot, const intern *texts, entry_view *ret)
{
    const entry_slot *s = &e->slots[slot];
    *ret = (entry_view){.latest = latest_of(e, texts)};
    if (e->fault) {
        ret->state = STATE_INVALID;
        ret->reason = intern_text(texts, e->fault);
    } else if (s->over) {
        ret->state = STATE_INVALID;
        ret->reason = OV_STR(LEFT_OUT);
    } else if (s->verdict) {
        ret->state = s->verdict->state;
        ret->reason = intern_text(texts, s->verdict->reason);
    } else {
        ret->state = (state_value)s->state;
        ret->reason = intern_text(texts, s->reason);
    }
}

/* An entry without running versions is never up to date: nothing was compared. */
static void look_at_none(const entry *e, const intern *texts, entry_view *ret)
{
    *ret = (entry_view){.latest = latest_of(e, texts)};
    if (e->fault) {
        ret->state = STATE_INVALID;
        ret->reason = intern_text(texts, e->fault);
    } else if (!e->rule) {
        ret->state = STATE_UNKNOWN_REMOTE;
    } else if (e->rule->stands == STANDING_PENDING || e->rule->stands == STANDING_OVERWORK) {
        ret->state = e->rule->stands == STANDING_PENDING ? STATE_PENDING : STATE_INVALID;
        ret->reason = intern_text(texts, e->rule->reason);
    } else {
        ret->state = STATE_UNPARSEABLE;
        ret->reason = OV_STR("no running version");
    }
}

void entry_look(const entry *e, const intern *texts, entry_view *ret)
{
    entry_view worst;
    look_at_none(e, texts, &worst);
    for (uint32_t i = 0; i < e->slot_count; i++) {
        entry_view v;
        entry_slot_look(e, i, texts, &v);
        if (i == 0 || severity(v.state) > severity(worst.state)) worst = v;
    }
    if (e->remark && (!worst.reason.len || !e->slot_count)) worst.reason = intern_text(texts, e->remark);
    *ret = worst;
}
