/* Containers: each is found by its name wherever a pod's spec may stand. */
#include "services/collector/extract/podtemplate.h"

#include "support/check.h"
#include "base/poison.h"

#define CONTAINERS                                                                                             \
    "{\"containers\":[{\"name\":\"a\",\"image\":\"a:1\"},{\"name\":\"b\",\"image\":\"b:1\"}],"                 \
    "\"initContainers\":[{\"name\":\"i\",\"image\":\"i:1\"},{\"name\":\"b\",\"image\":\"other:1\"},{\"name\":" \
    "\"empty\"}],"                                                                                             \
    "\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"e:1\"}]}"
#define POD "{\"spec\":" CONTAINERS "}"
#define TEMPLATE "{\"spec\":{\"template\":{\"spec\":" CONTAINERS "}}}"
#define JOB "{\"spec\":{\"jobTemplate\":" TEMPLATE "}}"

static const struct {
    const char *object, *place, *name, *image, *says;
} rows[] = {
    {POD, ".spec", "", "a:1", ""},
    {POD, ".spec", "b", "b:1", ""},
    {POD, ".spec", "i", "i:1", ""},
    {POD, ".spec", "e", "e:1", ""},
    {TEMPLATE, ".spec.template.spec", "b", "b:1", ""},
    {JOB, ".spec.jobTemplate.spec.template.spec", "b", "b:1", ""},
    {POD, NULL, "b", "b:1", ""},
    {TEMPLATE, NULL, "b", "b:1", ""},
    {JOB, NULL, "b", "b:1", ""},
    {"{\"spec\":{\"template\":{\"spec\":{\"x\":1}},\"containers\":[{\"image\":\"a:1\"}]}}", NULL, "", "a:1", ""},
    {POD, ".spec", "x", "", "container \"x\": not found, there are: a, b, i, b, empty, e"},
    {POD, ".spec", "empty", "", "container \"empty\": has no image"},
    {POD, ".spec.template.spec", "a", "", ".spec.template.spec: not found"},
    {"{\"spec\":{}}", ".spec", "x", "", "container \"x\": not found, there are none"},
    {"{\"spec\":{\"containers\":[]}}", NULL, "", "", "there are no containers"},
    {"{\"spec\":{\"containers\":[7]}}", NULL, "", "", "container \"\": has no image"},
    {"{}", NULL, "", "", "no containers in .spec.template.spec, .spec.jobTemplate.spec.template.spec or .spec"},
};

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].says[0] ? rows[i].says : rows[i].object);
        ov_err err = {0};
        ov_str image = {0};
        OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
        CHECK_OK(ov_json_tree(ov_str_of(rows[i].object), &object, &err), &err);
        CHECK_STATUS(podtemplate_image(rows[i].place, object, ov_str_of(rows[i].name), &image, &err),
                     rows[i].says[0] ? OV_NOT_FOUND : OV_OK, &err);
        CHECK_STR(image, ov_str_of(rows[i].image));
        CHECK_C(err.msg, rows[i].says);
    }
    return check_end();
}
