/* Label selectors from foreign bytes: the first line is a selector, the rest an object's labels. */
#include <stdlib.h>

#include "services/collector/extract/selector.h"
#include "base/poison.h"

enum { TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    size_t end = ov_str_find(text, '\n', 0);
    ov_err err = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *json = NULL;
    OV_CLEANUP(ov_json_tree_p) cJSON *labels = NULL;
    OV_CLEANUP(selector_free_p) selector *s = NULL;
    if (ov_json_tree(ov_str_sub(text, 0, end), &json, &err) != OV_OK) return 0;
    if (selector_parse(json, &s, &err) != OV_OK) return 0;
    if (ov_json_tree(ov_str_sub(text, end + 1, text.len), &labels, &err) != OV_OK) return 0;
    bool matches = selector_matches(s, labels);
    if (matches && selector_is_nothing(s)) abort();
    ov_buf out = OV_BUF(TEXT_MAX);
    selector_write(s, &out);
    ov_buf_clear(&out);
    return 0;
}
