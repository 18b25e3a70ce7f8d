/* Whether an object is one that a tracker means: by namespace, then by label. */
#include "tracker.h"

#include "base/poison.h"

static bool has_namespace(const tracker_spec *t, ov_str name)
{
    size_t low = 0, high = t->namespace_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = ov_str_cmp(t->namespaces[mid], name);
        if (order == 0) return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return t->namespace_count == 0;
}

/* Nodes are in no namespace, whatever a tracker says; of other kinds an object without one is in none of its list. */
bool tracker_matches(const tracker_spec *t, const cJSON *object)
{
    const cJSON *metadata = ov_json_member(object, "metadata");
    if (!metadata) return false;
    bool may_have = !t->kind.builtin || t->kind.builtin->namespaced;
    if (may_have && !has_namespace(t, ov_json_member_str(metadata, "namespace"))) return false;
    return selector_matches(t->selector, ov_json_member(metadata, "labels"));
}
