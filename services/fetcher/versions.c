/* Collects the versions of the wanted lists while pages are read. */
#include "services/fetcher/versions.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

void version_lists_init(version_lists *v, const job *j)
{
    *v = (version_lists){.count = j->list_count ? j->list_count : 1};
    v->lists = ov_calloc(v->count, sizeof *v->lists);
    for (size_t i = 0; i < v->count; i++) {
        if (j->list_count) v->lists[i].name = j->lists[i];
        (void)ov_map_put(&v->by_name, v->lists[i].name, &v->lists[i]);
    }
}

void version_lists_reset(version_lists *v)
{
    for (size_t i = 0; i < v->count; i++) {
        v->lists[i].count = 0;
        v->lists[i].present = v->lists[i].truncated = false;
    }
    ov_json_arena_clear(&v->arena);
    v->versions = v->text = 0;
}

void version_lists_clear(version_lists *v)
{
    for (size_t i = 0; i < v->count; i++) free(v->lists[i].versions);
    free(v->lists);
    ov_map_clear(&v->by_name);
    ov_json_arena_clear(&v->arena);
    *v = (version_lists){0};
}

version_list *version_lists_find(const version_lists *v, ov_str name)
{
    return ov_map_get(&v->by_name, name);
}

static ov_str keep(version_lists *v, ov_str text, size_t max)
{
    if (!text.len || text.len > max) return OV_STR("");
    v->text += text.len;
    return ov_json_arena_copy(&v->arena, text);
}

void version_lists_add(version_lists *v, version_list *to, const list_version *version)
{
    if (version->version.len > LIST_VERSION_BYTES_MAX) return;
    if (!version->version.len && (!version->cycle.len || version->cycle.len > LIST_CYCLE_BYTES_MAX)) return;
    if (to->count == LIST_VERSIONS_MAX || v->versions == VERSIONS_MAX ||
        v->text + version->version.len + version->app_version.len + version->cycle.len > VERSIONS_TEXT_MAX) {
        to->truncated = true;
        return;
    }
    ov_grow(&to->versions, &to->cap, to->count + 1, sizeof *to->versions);
    list_version *kept = &to->versions[to->count++];
    *kept = *version;
    kept->version = keep(v, version->version, LIST_VERSION_BYTES_MAX);
    kept->app_version = ov_str_eq(version->app_version, version->version) /* as many charts have it */
                            ? kept->version
                            : keep(v, version->app_version, LIST_VERSION_BYTES_MAX);
    kept->cycle = keep(v, version->cycle, LIST_CYCLE_BYTES_MAX);
    v->versions++;
}

void version_lists_truncate(version_lists *v)
{
    for (size_t i = 0; i < v->count; i++) v->lists[i].truncated = true;
}
