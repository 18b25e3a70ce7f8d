/* Holds the current view and finds agents in it. */
#include "services/api/view.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

enum { AGENTS_BYTES_MAX = 1 << 30 };

view *view_new(block *const *blocks, size_t count, int64_t github_remaining, shared_text *sources)
{
    view *v = ov_alloc(sizeof *v + count * sizeof(block *));
    atomic_init(&v->refs, 1);
    atomic_init(&v->agents_text, NULL);
    v->github_remaining = github_remaining;
    v->sources = sources;
    v->count = count;
    if (count) memcpy(v->blocks, blocks, count * sizeof(block *));
    return v;
}

view *view_ref(view *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

static void text_free(ov_buf *text)
{
    if (!text) return;
    ov_buf_clear(text);
    free(text);
}

void view_unref(view *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < v->count; i++) block_unref(v->blocks[i]);
    shared_text_unref(v->sources);
    text_free(atomic_load(&v->agents_text));
    free(v);
}

void view_unref_p(view **v)
{
    view_unref(*v);
}

const block *view_find(const view *v, ov_str agent)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ov_str_cmp(v->blocks[middle]->id, agent);
        if (order == 0) return v->blocks[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static ov_buf *agents_render(const view *v)
{
    ov_buf *text = ov_alloc(sizeof *text);
    *text = OV_BUF(AGENTS_BYTES_MAX);
    ov_buf_append_char(text, '[');
    for (size_t i = 0; i < v->count; i++) {
        if (!v->blocks[i]->listed) continue;
        if (text->len > 1) ov_buf_append_char(text, ',');
        ov_buf_append_str(text, v->blocks[i]->listing);
    }
    ov_buf_append_char(text, ']');
    return text;
}

ov_str view_agents_text(view *v)
{
    ov_buf *text = atomic_load_explicit(&v->agents_text, memory_order_acquire);
    if (!text) {
        ov_buf *made = agents_render(v);
        if (atomic_compare_exchange_strong(&v->agents_text, &text, made))
            text = made;
        else
            text_free(made); /* another request was faster */
    }
    return ov_buf_str(text);
}

struct view_holder {
    pthread_mutex_t mutex;
    view *current;
};

view_holder *view_holder_new(void)
{
    view_holder *h = ov_alloc(sizeof *h);
    pthread_mutex_init(&h->mutex, NULL);
    h->current = view_new(NULL, 0, -1, NULL);
    return h;
}

void view_holder_free(view_holder *h)
{
    if (!h) return;
    view_unref(h->current);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

view *view_holder_take(view_holder *h)
{
    pthread_mutex_lock(&h->mutex);
    view *v = view_ref(h->current);
    pthread_mutex_unlock(&h->mutex);
    return v;
}

void view_holder_put(view_holder *h, view *v)
{
    pthread_mutex_lock(&h->mutex);
    view *before = h->current;
    h->current = v;
    pthread_mutex_unlock(&h->mutex);
    view_unref(before); /* may free much: outside the lock */
}
