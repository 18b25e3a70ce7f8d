/* Reports: what is taken is written again to something that is taken, and that is its own encoding. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/report.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void check_views(const report *r)
{
    require(r->agent_id.len > 0 && r->id.len > 0 && r->ns.len > 0);
    require(r->count >= 0 && r->version_count <= REPORT_VERSIONS_MAX);
    require(r->version.len > 1 && r->version.ptr[0] == '{');
    for (size_t i = 0; i < r->version_count; i++) require(r->versions[i].resource_count >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OV_CLEANUP(report_clear) report first = {0}, second = {0}, alone = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX), twice = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (report_decode((ov_str){(const char *)data, size}, &first, &err) != OV_OK) {
        require(err.msg[0] != '\0');
        return 0;
    }
    check_views(&first);
    require(report_decode_version(first.version, &alone, &err) == OV_OK);
    report_encode(&first, &once);
    if (once.len > REPORT_BYTES_MAX) return 0; /* escapes may grow */
    require(report_decode(ov_buf_str(&once), &second, &err) == OV_OK);
    report_encode(&second, &twice);
    require(ov_str_eq(ov_buf_str(&once), ov_buf_str(&twice)));
    return 0;
}
