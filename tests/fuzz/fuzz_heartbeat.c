/* Heartbeats, inventories and asks: what is taken survives its own encoding. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/heartbeat.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void try_heartbeat(heartbeat_form form, ov_str body)
{
    OV_CLEANUP(heartbeat_clear) heartbeat first = {0}, second = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX), twice = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (heartbeat_decode(form, body, &first, &err) != OV_OK) {
        require(err.msg[0] != '\0');
        return;
    }
    heartbeat_encode(form, &first, &once);
    if (once.len > REPORT_BYTES_MAX) return; /* escapes may grow */
    require(heartbeat_decode(form, ov_buf_str(&once), &second, &err) == OV_OK);
    heartbeat_encode(form, &second, &twice);
    require(ov_str_eq(ov_buf_str(&once), ov_buf_str(&twice)));
    OV_CLEANUP(inventory_clear) inventory items = {0};
    (void)!inventory_decode_items(first.inventory, &items, &err);
}

static void try_inventory(ov_str body)
{
    OV_CLEANUP(inventory_clear) inventory first = {0}, second = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (inventory_decode(body, &first, &err) != OV_OK) return;
    inventory_encode(first.agent_id, first.items, first.count, &once);
    if (once.len > REPORT_BYTES_MAX) return;
    require(inventory_decode(ov_buf_str(&once), &second, &err) == OV_OK);
    require(second.count == first.count);
    inventory_digest d = {0}, nothing = {0};
    for (size_t i = 0; i < first.count; i++) inventory_digest_toggle(&d, first.items[i].id, first.items[i].digest);
    for (size_t i = 0; i < second.count; i++) inventory_digest_toggle(&d, second.items[i].id, second.items[i].digest);
    require(memcmp(&d, &nothing, sizeof d) == 0);
}

static void try_ask(ov_str body)
{
    OV_CLEANUP(ask_report_clear) ask_report first = {0}, second = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (ask_report_decode(body, &first, &err) != OV_OK) return;
    ask_report_encode(&first, &once);
    if (once.len > REPORT_BYTES_MAX) return;
    require(ask_report_decode(ov_buf_str(&once), &second, &err) == OV_OK);
    require(second.wanted_count == first.wanted_count && second.report_period_ms == first.report_period_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str body = {(const char *)data, size};
    try_heartbeat(HEARTBEAT_BUS, body);
    try_heartbeat(HEARTBEAT_HTTP, body);
    try_inventory(body);
    try_ask(body);
    return 0;
}
