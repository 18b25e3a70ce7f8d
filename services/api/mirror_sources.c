/* Keeps how the last look at each source went, as the series that says so. */
#include <stdlib.h>

#include "base/mem.h"
#include "metrics/metrics.h"
#include "proto/lookup.h"
#include "services/api/mirror_parts.h"

#include "base/poison.h"

enum { LINES_BYTES_MAX = 1 << 30 };

static size_t source_place(const mirror *m, ov_str key)
{
    size_t low = 0, high = m->source_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ov_str_cmp(ov_str_of(m->sources[middle]->key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static mirror_source *source_find(const mirror *m, ov_str key, size_t *ret_at)
{
    *ret_at = source_place(m, key);
    bool there = *ret_at < m->source_count && ov_str_eq(ov_str_of(m->sources[*ret_at]->key), key);
    return there ? m->sources[*ret_at] : NULL;
}

static mirror_source *source_get(mirror *m, ov_str key)
{
    size_t at;
    mirror_source *s = source_find(m, key, &at);
    if (s) return s;
    s = ov_zalloc(sizeof *s);
    s->key = ov_dup(key);
    ov_grow(&m->sources, &m->source_cap, m->source_count + 1, sizeof *m->sources);
    memmove(m->sources + at + 1, m->sources + at, (m->source_count - at) * sizeof *m->sources);
    m->sources[at] = s;
    m->source_count++;
    return s;
}

static void source_drop(mirror *m, size_t at)
{
    mirror_source *s = m->sources[at];
    memmove(m->sources + at, m->sources + at + 1, (--m->source_count - at) * sizeof *m->sources);
    m->sources_changed = true;
    free(s->line);
    free(s->key);
    free(s);
}

static bool is_outcome(ov_str text, lookup_outcome outcome)
{
    return ov_str_eq(text, ov_str_of(lookup_outcome_name(outcome)));
}

static void label_write(ov_buf *out, const char *name, ov_str value)
{
    ov_buf_append_c(out, name);
    ov_exposition_escape(out, value);
    ov_buf_append_char(out, '"');
}

/* Nothing before the first look. Both ways of success are one outcome, so that a series stays while all is well. */
static void line_write(const source_doc *d, ov_buf *out)
{
    if (!d->outcome.len) return;
    bool up = is_outcome(d->outcome, LOOKUP_COMPLETE) || is_outcome(d->outcome, LOOKUP_NOT_MODIFIED);
    ov_str outcome = up ? ov_str_of(lookup_outcome_name(LOOKUP_COMPLETE)) : d->failure.len ? d->failure : d->outcome;
    ov_buf_append_c(out, VIEW_SOURCE_NAME);
    label_write(out, "{remote_provider=\"", d->provider);
    label_write(out, ",remote_strategy=\"", d->strategy);
    label_write(out, ",remote_repo=\"", d->repo);
    label_write(out, ",outcome=\"", outcome);
    ov_buf_append_c(out, up ? "} 1\n" : "} 0\n");
}

void mirror_source_set(mirror *m, ov_str key, const source_doc *d)
{
    OV_CLEANUP(ov_buf_clear) ov_buf line = OV_BUF(LINES_BYTES_MAX);
    mirror_source *s = source_get(m, key);
    s->mark = m->generation;
    line_write(d, &line);
    if (ov_str_eq(ov_buf_str(&line), ov_str_of(s->line))) return;
    free(s->line);
    s->line = ov_dup(ov_buf_str(&line));
    m->sources_changed = true;
}

void mirror_source_remove(mirror *m, ov_str key)
{
    size_t at;
    if (source_find(m, key, &at)) source_drop(m, at);
}

void mirror_source_keep(mirror *m, ov_str key)
{
    size_t at;
    mirror_source *s = source_find(m, key, &at);
    if (s) s->mark = m->generation;
}

void mirror_sources_sweep(mirror *m)
{
    for (size_t i = m->source_count; i-- > 0;)
        if (m->sources[i]->mark != m->generation) source_drop(m, i);
}

bool mirror_sources_render(mirror *m)
{
    if (!m->sources_changed) return false;
    OV_CLEANUP(ov_buf_clear) ov_buf lines = OV_BUF(LINES_BYTES_MAX);
    for (size_t i = 0; i < m->source_count; i++) ov_buf_append_c(&lines, m->sources[i]->line);
    shared_text_unref(m->source_lines);
    m->source_lines = shared_text_new(ov_buf_str(&lines));
    m->sources_changed = false;
    return true;
}

void mirror_sources_clear(mirror *m)
{
    while (m->source_count) source_drop(m, m->source_count - 1);
    free(m->sources);
    shared_text_unref(m->source_lines);
}
