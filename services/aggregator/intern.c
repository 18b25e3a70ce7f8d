/* Keeps each text once behind a 32-bit id; ids of texts that nobody holds are used again. */
#include "services/aggregator/intern.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/poison.h"

typedef struct {
    char *text; /* NULL: free */
    uint32_t len, refs;
} slot;

struct intern {
    ov_map ids; /* text -> id */
    slot *slots;
    size_t cap, used;
    uint32_t *unused;
    size_t unused_cap, unused_count;
};

intern *intern_new(void)
{
    intern *in = ov_zalloc(sizeof *in);
    ov_grow(&in->slots, &in->cap, 1, sizeof *in->slots);
    in->slots[0] = (slot){0};
    in->used = 1;
    return in;
}

void intern_free(intern *in)
{
    if (!in) return;
    for (size_t i = 1; i < in->used; i++) free(in->slots[i].text);
    free(in->slots);
    free(in->unused);
    ov_map_clear(&in->ids);
    free(in);
}

static text_id take_id(intern *in)
{
    if (in->unused_count) return in->unused[--in->unused_count];
    assert(in->used < UINT32_MAX);
    ov_grow(&in->slots, &in->cap, in->used + 1, sizeof *in->slots);
    return (text_id)in->used++;
}

text_id intern_hold(intern *in, ov_str text)
{
    if (!text.len) return 0;
    uintptr_t known = (uintptr_t)ov_map_get(&in->ids, text);
    if (known) {
        in->slots[known].refs++;
        return (text_id)known;
    }
    text_id id = take_id(in);
    in->slots[id] = (slot){.text = ov_dup(text), .len = (uint32_t)text.len, .refs = 1};
    ov_map_put(&in->ids, text, (void *)(uintptr_t)id);
    return id;
}

text_id intern_share(intern *in, text_id id)
{
    if (id) in->slots[id].refs++;
    return id;
}

void intern_drop(intern *in, text_id id)
{
    if (!id) return;
    slot *s = &in->slots[id];
    assert(s->refs > 0);
    if (--s->refs) return;
    ov_map_remove(&in->ids, (ov_str){s->text, s->len});
    free(s->text);
    *s = (slot){0};
    ov_grow(&in->unused, &in->unused_cap, in->unused_count + 1, sizeof *in->unused);
    in->unused[in->unused_count++] = id;
}

bool intern_set(intern *in, text_id *place, ov_str text)
{
    if (ov_str_eq(intern_text(in, *place), text)) return false;
    text_id before = *place;
    *place = intern_hold(in, text);
    intern_drop(in, before);
    return true;
}

ov_str intern_text(const intern *in, text_id id)
{
    return id ? (ov_str){in->slots[id].text, in->slots[id].len} : OV_STR("");
}

size_t intern_count(const intern *in)
{
    return in->ids.count;
}
