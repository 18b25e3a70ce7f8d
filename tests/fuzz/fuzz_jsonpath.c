/* JSONPath from foreign bytes: the first line is an expression, the rest the object that it runs on. */
#include "services/collector/extract/jsonpath.h"
#include "base/poison.h"

enum { TEXT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    size_t end = ov_str_find(text, '\n', 0);
    ov_err err = {0};
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = NULL;
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values values = {0};
    if (jsonpath_compile(ov_str_sub(text, 0, end), &path, &err) != OV_OK) return 0;
    if (ov_json_tree(ov_str_sub(text, end + 1, text.len), &object, &err) != OV_OK) return 0;
    if (jsonpath_find(path, object, &values, &err) != OV_OK) return 0;
    ov_buf out = OV_BUF(TEXT_MAX);
    for (size_t i = 0; i < values.count && !out.failed; i++) jsonpath_value_write(&values.items[i], &out);
    ov_buf_clear(&out);
    return 0;
}
