/* Keeps and replays the events of anchored nodes. */
#include "yaml/record.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

void ov_yaml_record_clear(ov_yaml_record *r)
{
    size_t max = r->text.max;
    free(r->events);
    free(r->anchors);
    ov_buf_clear(&r->text);
    ov_map_clear(&r->names);
    *r = (ov_yaml_record){.text = OV_BUF(max)};
}

void ov_yaml_record_anchor(ov_yaml_record *r, ov_str name, size_t depth)
{
    ov_grow(&r->anchors, &r->anchor_cap, r->anchor_count + 1, sizeof *r->anchors);
    r->anchors[r->anchor_count++] = (ov_yaml_anchor){.first = r->count, .depth = depth};
    r->open++;
    /* A later anchor of the same name replaces the earlier one. */
    (void)ov_map_put(&r->names, name, (void *)r->anchor_count);
}

/* Anchors are nested: the last open ones end first. */
static void close_anchors(ov_yaml_record *r, size_t depth)
{
    for (size_t i = r->anchor_count; i-- > 0 && r->open;) {
        ov_yaml_anchor *a = &r->anchors[i];
        if (a->end) continue;
        if (a->depth != depth) return;
        a->end = r->count;
        r->open--;
    }
}

bool ov_yaml_record_add(ov_yaml_record *r, const ov_yaml_event *e, size_t text_at)
{
    if (!r->open) return true;
    if (text_at == SIZE_MAX) {
        text_at = r->text.len;
        ov_buf_append_str(&r->text, e->text);
    }
    if (r->text.failed || (r->count + 1) * sizeof *r->events > OV_YAML_ANCHORED_MAX) return false;
    ov_grow(&r->events, &r->cap, r->count + 1, sizeof *r->events);
    r->events[r->count++] = (ov_yaml_recorded){*e, text_at};
    bool begins = e->type == OV_YAML_MAPPING || e->type == OV_YAML_SEQUENCE;
    if (!begins) close_anchors(r, e->depth);
    return true;
}

ov_status ov_yaml_record_replay(ov_yaml_record *r, ov_str name)
{
    size_t index = (size_t)ov_map_get(&r->names, name);
    if (!index) return OV_NOT_FOUND;
    const ov_yaml_anchor *a = &r->anchors[index - 1];
    if (!a->end) return OV_INVALID;
    if (a->end - a->first > OV_YAML_EXPANDED_MAX - r->expanded) return OV_FAILED;
    r->expanded += a->end - a->first;
    r->next = a->first;
    r->end = a->end;
    return OV_OK;
}

bool ov_yaml_record_next(ov_yaml_record *r, ov_yaml_event *ret, size_t *ret_text_at)
{
    if (r->next == r->end) return false;
    const ov_yaml_recorded *e = &r->events[r->next++];
    *ret = e->event;
    *ret_text_at = e->text_at;
    ret->text = (ov_str){e->event.text.len ? r->text.ptr + e->text_at : "", e->event.text.len};
    return true;
}
