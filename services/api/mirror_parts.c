/* Keeps agents, entries and verdicts linked, and renders entries whose verdicts match. */
#include "services/api/mirror_parts.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

/* ---- agents ---- */

/* The agent's place in the order, or where it would stand. */
static size_t agent_place(const mirror *m, ov_str id)
{
    size_t low = 0, high = m->order_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ov_str_cmp(ov_str_of(m->order[middle]->id), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

mirror_agent *mirror_agent_get(mirror *m, ov_str id)
{
    mirror_agent *a = ov_map_get(&m->agents, id);
    if (a) return a;
    a = ov_zalloc(sizeof *a);
    a->id = ov_dup(id);
    a->cards = block_cards_new(NULL, 0);
    ov_map_put(&m->agents, id, a);
    size_t at = agent_place(m, id);
    ov_grow(&m->order, &m->order_cap, m->order_count + 1, sizeof *m->order);
    memmove(m->order + at + 1, m->order + at, (m->order_count - at) * sizeof *m->order);
    m->order[at] = a;
    m->order_count++;
    return a;
}

void mirror_agent_touch(mirror *m, mirror_agent *a)
{
    if (a->queued) return;
    a->queued = true;
    ov_grow(&m->changed, &m->changed_cap, m->changed_count + 1, sizeof *m->changed);
    m->changed[m->changed_count++] = a;
}

void mirror_agent_drop(mirror *m, mirror_agent *a)
{
    while (a->count) mirror_entry_drop(m, a->entries[a->count - 1]);
    for (size_t i = 0; a->queued && i < m->changed_count; i++) {
        if (m->changed[i] != a) continue;
        m->changed[i] = m->changed[--m->changed_count];
        break;
    }
    size_t at = agent_place(m, ov_str_of(a->id));
    memmove(m->order + at, m->order + at + 1, (--m->order_count - at) * sizeof *m->order);
    ov_map_remove(&m->agents, ov_str_of(a->id));
    block_cards_unref(a->cards);
    block_unref(a->block);
    free(a->entries);
    free(a->tags);
    free(a->wanted);
    free(a->id);
    free(a);
}

/* ---- verdicts ---- */

mirror_verdict *mirror_verdict_get(mirror *m, ov_str id)
{
    mirror_verdict *v = ov_map_get(&m->verdicts, id);
    if (v) return v;
    v = ov_zalloc(sizeof *v);
    v->id = ov_dup(id);
    ov_map_put(&m->verdicts, id, v);
    return v;
}

void mirror_verdict_set(mirror *m, mirror_verdict *v, tail *t, uint64_t hash)
{
    tail_unref(v->tail);
    v->tail = t;
    v->hash = hash;
    for (size_t i = 0; i < v->count; i++) mirror_entry_queue(m, v->users[i].entry);
}

void mirror_verdict_release(mirror *m, mirror_verdict *v)
{
    if (v->count || v->tail) return;
    ov_map_remove(&m->verdicts, ov_str_of(v->id));
    free(v->users);
    free(v->id);
    free(v);
}

static void link_make(mirror *m, mirror_entry *e, size_t link, ov_str id)
{
    mirror_verdict *v = mirror_verdict_get(m, id);
    ov_grow(&v->users, &v->cap, v->count + 1, sizeof *v->users);
    e->links[link] = (mirror_link){v, v->count};
    v->users[v->count++] = (mirror_user){e, link};
}

/* The last user moves into the free place. */
static void link_cut(mirror *m, mirror_link *l)
{
    mirror_verdict *v = l->verdict;
    if (!v) return;
    mirror_user last = v->users[--v->count];
    v->users[l->place] = last;
    last.entry->links[last.link].place = l->place;
    l->verdict = NULL;
    mirror_verdict_release(m, v);
}

/* ---- entries ---- */

static size_t entry_place(const mirror_agent *a, ov_str id)
{
    size_t low = 0, high = a->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ov_str_cmp(ov_str_of(a->entries[middle]->id), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

mirror_entry *mirror_entry_find(const mirror_agent *a, ov_str id)
{
    size_t at = entry_place(a, id);
    return at < a->count && ov_str_eq(ov_str_of(a->entries[at]->id), id) ? a->entries[at] : NULL;
}

mirror_entry *mirror_entry_get(mirror *m, mirror_agent *a, ov_str id)
{
    mirror_entry *e = mirror_entry_find(a, id);
    if (e) return e;
    e = ov_zalloc(sizeof *e);
    e->id = ov_dup(id);
    e->agent = a;
    size_t at = entry_place(a, id);
    ov_grow(&a->entries, &a->cap, a->count + 1, sizeof *a->entries);
    memmove(a->entries + at + 1, a->entries + at, (a->count - at) * sizeof *a->entries);
    a->entries[at] = e;
    a->count++;
    m->entry_count++;
    return e;
}

void mirror_entry_queue(mirror *m, mirror_entry *e)
{
    if (e->queued) return;
    e->queued = true;
    ov_grow(&m->queue, &m->queue_cap, m->queue_count + 1, sizeof *m->queue);
    m->queue[m->queue_count++] = e;
}

static void links_clear(mirror *m, mirror_entry *e)
{
    for (size_t i = 0; i < e->link_count; i++) link_cut(m, &e->links[i]);
    free(e->links);
    e->links = NULL;
    e->link_count = 0;
}

void mirror_entry_set(mirror *m, mirror_entry *e, const entry_doc *d, shared_text *document)
{
    links_clear(m, e);
    e->links = ov_calloc(d->version_count, sizeof *e->links);
    e->link_count = d->version_count;
    for (size_t i = 0; i < d->version_count; i++) {
        if (d->versions[i].verdict.len) link_make(m, e, i, d->versions[i].verdict);
    }
    shared_text_unref(e->document);
    e->document = document;
    mirror_entry_queue(m, e);
}

static void list_remove(mirror_entry **list, size_t *count, const mirror_entry *e)
{
    for (size_t i = 0; i < *count; i++) {
        if (list[i] != e) continue;
        list[i] = list[--*count];
        return;
    }
}

static void waiting_set(mirror *m, mirror_entry *e, bool waiting)
{
    if (e->waiting == waiting) return;
    e->waiting = waiting;
    if (!waiting) {
        list_remove(m->waiting, &m->waiting_count, e);
        return;
    }
    ov_grow(&m->waiting, &m->waiting_cap, m->waiting_count + 1, sizeof(mirror_entry *));
    m->waiting[m->waiting_count++] = e;
}

void mirror_entry_drop(mirror *m, mirror_entry *e)
{
    mirror_agent *a = e->agent;
    size_t at = entry_place(a, ov_str_of(e->id));
    memmove(a->entries + at, a->entries + at + 1, (--a->count - at) * sizeof(mirror_entry *));
    a->cards_changed = true;
    mirror_agent_touch(m, a);
    if (e->queued) list_remove(m->queue, &m->queue_count, e);
    waiting_set(m, e, false);
    links_clear(m, e);
    shared_text_unref(e->document);
    card_unref(e->card);
    free(e->id);
    free(e);
    m->entry_count--;
}

/* ---- rendering ---- */

typedef struct {
    tail **items;
    size_t count;
    bool absent, differs; /* some verdict is not there; some says something else than the entry */
} tails;

static void tails_clear(tails *t)
{
    for (size_t i = 0; i < t->count; i++) tail_unref(t->items[i]);
    free(t->items);
}

/* One version's tail: its verdict's, unless that says something else than the entry and may not be mixed with it. */
static tail *tail_collect(const mirror_verdict *verdict, const entry_version *v, bool mix, tails *t)
{
    if (!verdict) return tail_plain(v->state, v->reason, v->latest);
    if (!verdict->tail)
        t->absent = true;
    else if (verdict->tail->state != v->state || !ov_str_eq(verdict->tail->latest, v->latest))
        t->differs = true;
    if (verdict->tail && (mix || !t->differs)) return tail_ref(verdict->tail);
    return tail_plain(STATE_PENDING, OV_STR(""), OV_STR(TAIL_MISSING));
}

static void tails_collect(const mirror_entry *e, const entry_doc *d, bool mix, tails *t)
{
    t->items = ov_calloc(d->version_count, sizeof(tail *));
    t->count = d->version_count;
    for (size_t i = 0; i < d->version_count; i++)
        t->items[i] = tail_collect(e->links[i].verdict, &d->versions[i], mix, t);
}

static void card_set(mirror *m, mirror_entry *e, card *c)
{
    card_unref(e->card);
    e->card = c;
    e->agent->cards_changed = true;
    mirror_agent_touch(m, e->agent);
}

void mirror_entry_render(mirror *m, mirror_entry *e, ov_mono now)
{
    OV_CLEANUP(entry_doc_clear) entry_doc d = {0};
    OV_CLEANUP(tails_clear) tails t = {0};
    if (entry_doc_decode(shared_text_of(e->document), &d, NULL) != OV_OK) return; /* it was decoded before */
    bool waited = e->waiting && ov_mono_since(now, e->waiting_since) >= MIRROR_WAIT_MS;
    tails_collect(e, &d, waited, &t);
    bool matches = !t.absent && !t.differs;
    if (!matches && !e->waiting) e->waiting_since = now;
    waiting_set(m, e, !matches && !waited);
    if (!matches && !waited && e->card) return; /* the last consistent answer stands meanwhile */
    card *c = NULL;
    if (card_new(&d, e->document, t.items, t.absent || (t.differs && !waited), &c, NULL) == OV_OK) card_set(m, e, c);
}
