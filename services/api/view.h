/* View: all agents at one moment, sorted by id; one answer reads one view. */
#ifndef OPVIC_API_VIEW_H
#define OPVIC_API_VIEW_H

#include "services/api/block.h"

#define VIEW_SOURCE_NAME "opvic_controlplane_source_up"

/* Immutable but for the text of GET /agents, which is made when first asked for. */
typedef struct {
    atomic_uint refs;
    _Atomic(ov_buf *) agents_text;
    int64_t github_remaining; /* requests left, -1: unknown */
    shared_text *sources;     /* the series of VIEW_SOURCE_NAME; NULL: none */
    size_t count;
    block *blocks[];
} view;

/* Takes over the references in blocks, which are sorted by id, and that of sources. */
view *view_new(block *const *blocks, size_t count, int64_t github_remaining, shared_text *sources);
view *view_ref(view *v);
void view_unref(view *v); /* NULL is fine */
void view_unref_p(view **v);
/* NULL when there is no such agent. */
const block *view_find(const view *v, ov_str agent);
/* [{"id",...},...] of all listed agents; lives as long as the view. Any thread. */
ov_str view_agents_text(view *v);

/* The current view: one writer replaces it, readers take it; the mutex is held for a pointer's exchange. */
typedef struct view_holder view_holder;
view_holder *view_holder_new(void); /* holds an empty view */
void view_holder_free(view_holder *h);
view *view_holder_take(view_holder *h);        /* the caller owns a reference */
void view_holder_put(view_holder *h, view *v); /* takes over the caller's reference */

#endif
