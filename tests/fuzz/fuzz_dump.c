/* Dumps of clusters: what is taken can be given, and every tracker in it is parsed or refused with a word. */
#include <stdint.h>
#include <stdlib.h>

#include "services/collector/cluster/dump.h"
#include "services/collector/extract/tracker.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *arg, const dump_object *object)
{
    size_t *given = arg;
    ++*given;
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    if (ov_json_tree(object->json, &tree, &err) != OV_OK) abort();
    OV_CLEANUP(tracker_free_p) tracker_spec *spec = NULL;
    if (tracker_parse(tree, &spec, &err) != OV_OK && !err.msg[0]) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int form = DUMP_YAML; form <= DUMP_JSON; form++) {
        OV_CLEANUP(dump_clear) dump d = {0};
        ov_err err = {0};
        if (dump_parse((dump_form)form, (ov_str){(const char *)data, size}, &d, &err) != OV_OK) {
            if (!err.msg[0]) abort();
            continue;
        }
        size_t trackers = 0, objects = 0;
        dump_each(&d, DUMP_TRACKERS, take, &trackers);
        dump_each(&d, DUMP_OBJECTS, take, &objects);
        if (trackers != d.trackers || objects != d.objects) abort();
    }
    return 0;
}
