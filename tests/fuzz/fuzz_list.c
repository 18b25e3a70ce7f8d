/* Lists: what is taken survives its own encoding. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/list.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OV_CLEANUP(list_clear) list first = {0}, second = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX), twice = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (list_decode((ov_str){(const char *)data, size}, &first, &err) != OV_OK) {
        require(err.msg[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < first.count; i++) require(first.versions[i].version.len <= LIST_VERSION_BYTES_MAX);
    list_encode(&first, &once);
    require(list_decode(ov_buf_str(&once), &second, &err) == OV_OK);
    list_encode(&second, &twice);
    require(ov_str_eq(ov_buf_str(&once), ov_buf_str(&twice)));
    return 0;
}
