/* Finds cycles by looking the beginnings of a version up, from the longest on. */
#include "services/aggregator/cycle.h"

#include "base/poison.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static ov_str without_v(ov_str text)
{
    bool has = text.len > 1 && (text.ptr[0] == 'v' || text.ptr[0] == 'V') && is_digit(text.ptr[1]);
    return has ? ov_str_sub(text, 1, text.len) : text;
}

/* The text without zeros that lead a number. */
static ov_str key_of(ov_str text, char out[LIST_CYCLE_BYTES_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool leads = text.ptr[i] == '0' && (!len || !is_digit(out[len - 1]));
        if (leads && i + 1 < text.len && is_digit(text.ptr[i + 1])) continue;
        out[len++] = text.ptr[i];
    }
    return (ov_str){out, len};
}

void cycle_index_fill(cycle_index *c, const list *of)
{
    char out[LIST_CYCLE_BYTES_MAX];
    cycle_index_clear(c);
    for (size_t i = 0; i < of->count; i++) {
        ov_str name = without_v(of->versions[i].cycle);
        if (!name.len || name.len > LIST_CYCLE_BYTES_MAX) continue;
        ov_str key = key_of(name, out);
        if (!ov_map_get(&c->by_key, key)) ov_map_put(&c->by_key, key, &of->versions[i]);
    }
}

void cycle_index_clear(cycle_index *c)
{
    ov_map_clear(&c->by_key);
}

size_t cycle_index_count(const cycle_index *c)
{
    return c->by_key.count;
}

const list_version *cycle_find(const cycle_index *c, ov_str running)
{
    char out[LIST_CYCLE_BYTES_MAX];
    ov_str text = without_v(running);
    for (size_t end = text.len < LIST_CYCLE_BYTES_MAX ? text.len : LIST_CYCLE_BYTES_MAX; end > 0; end--) {
        if (!is_word(text.ptr[end - 1]) || (end < text.len && is_word(text.ptr[end]))) continue;
        const list_version *found = ov_map_get(&c->by_key, key_of(ov_str_sub(text, 0, end), out));
        if (found) return found;
    }
    return NULL;
}
