/* The collector: settings, then a transport, then the loop that reads the cluster and ships what runs in it. */
#include <string.h>

#include "app/app.h"
#include "services/collector/bus_secret.h"
#include "services/collector/collector.h"
#include "services/collector/settings.h"

#include "base/poison.h"

static collector_settings settings;

static const ov_app_program program = {
    .name = "collector",
    .purpose = "Reads which versions run in one cluster and reports them.",
    .settings = collector_settings_table,
    .setting_count = OV_COUNT(collector_settings_table),
    .target = &settings,
    .health_flag = "health-probe-bind-address",
    .optional_bus = true,
    .start = collector_start,
    .loop = collector_loop,
    .drain = collector_drain,
    .free = collector_free,
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bus-secret") == 0) return bus_secret_main(argc - 1, argv + 1);
    return ov_app_main(&program, argc, argv);
}
