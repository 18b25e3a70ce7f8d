/* Keeps and sums up the objects of one tracker. */
#include "services/collector/observed.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

static void object_free(observed_object *o)
{
    free(o->key);
    free(o->version);
    free(o->from);
    free(o->problem);
    free(o);
}

void observed_clear(observed *o)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&o->objects, &at, &key, &value)) object_free(value);
    ov_map_clear(&o->objects);
    *o = (observed){0};
}

static bool same(const char *have, ov_str want)
{
    return have ? want.ptr && ov_str_eq(ov_str_of(have), want) : !want.ptr;
}

static char *copy(ov_str s)
{
    return s.ptr ? ov_dup(s) : NULL;
}

bool observed_set(observed *o, ov_str key, unsigned section, unsigned round, ov_str version, ov_str from,
                  const char *problem)
{
    observed_object *object = ov_map_get(&o->objects, key);
    bool is_new = !object;
    if (is_new) {
        object = ov_zalloc(sizeof *object);
        object->key = ov_dup(key);
        ov_map_put(&o->objects, key, object);
    } else if (!object->version) {
        o->failed--;
    }
    bool changed = is_new || !same(object->version, version) || !same(object->from, from) ||
                   !same(object->problem, ov_str_of(problem));
    if (changed) {
        free(object->version);
        free(object->from);
        free(object->problem);
        object->version = copy(version);
        object->from = copy(from);
        object->problem = problem ? ov_dup(ov_str_of(problem)) : NULL;
    }
    o->overlaps |= !is_new && object->section != section;
    object->section = section;
    object->round = round;
    if (!object->version) o->failed++;
    return changed;
}

bool observed_remove(observed *o, ov_str key)
{
    observed_object *object = ov_map_remove(&o->objects, key);
    if (!object) return false;
    if (!object->version) o->failed--;
    object_free(object);
    return true;
}

bool observed_sweep(observed *o, unsigned section, unsigned round)
{
    bool swept = false;
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&o->objects, &at, &key, &value)) {
        const observed_object *object = value;
        if (object->section == section && object->round != round) swept |= observed_remove(o, key);
    }
    return swept;
}

static int by_key(const void *a, const void *b)
{
    const observed_object *const *x = a, *const *y = b;
    return ov_str_cmp(ov_str_of((*x)->key), ov_str_of((*y)->key));
}

static observed_object **sorted(const observed *o)
{
    observed_object **all = ov_calloc(o->objects.count + 1, sizeof *all);
    size_t count = 0, at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&o->objects, &at, &key, &value)) all[count++] = value;
    qsort(all, count, sizeof *all, by_key);
    return all;
}

static void count_version(report *r, ov_map *rows, const observed_object *object, const char *kind)
{
    ov_str version = ov_str_of(object->version);
    report_version *row = ov_map_get(rows, version);
    if (!row) {
        row = &r->versions[r->version_count++];
        *row = (report_version){version, 0, ov_str_of(kind), ov_str_of(object->from)};
        ov_map_put(rows, version, row);
    }
    row->resource_count++;
}

void observed_summarize(const observed *o, const char *resource_kind, report *ret, report_version **ret_versions,
                        ov_err *message)
{
    size_t total = o->objects.count;
    OV_CLEANUP(ov_free_p) observed_object **all = sorted(o);
    ret->count = (int64_t)total;
    ret->versions = *ret_versions = ov_calloc(total + 1, sizeof **ret_versions);
    ret->version_count = 0;
    ret->reason = total ? REPORT_FINE : REPORT_NOTHING_MATCHED;
    const observed_object *example = NULL;
    ov_map rows = {0};
    for (size_t i = 0; i < total; i++) {
        if (all[i]->version)
            count_version(ret, &rows, all[i], resource_kind);
        else if (!example)
            example = all[i];
    }
    ov_map_clear(&rows);
    if (total == 0) (void)ov_fail(message, OV_OK, "no %s match the selector and namespaces", resource_kind);
    if (example) {
        ret->reason = REPORT_SOME_FAILED;
        (void)ov_fail(message, OV_OK, "%zu of %zu objects gave no version, for example %s: %s", o->failed, total,
                      example->key, example->problem ? example->problem : "unknown");
    }
    ret->message = ov_str_of(message->msg);
}
