/* Where an object keeps its pod's spec, and which image a container in it runs. */
#ifndef OPVIC_COLLECTOR_PODTEMPLATE_H
#define OPVIC_COLLECTOR_PODTEMPLATE_H

#include "base/status.h"
#include "json/tree.h"
#include "kind.h"

/* place is builtin_kind's pod; NULL looks for the first of .spec.template.spec, .spec.jobTemplate.spec.template.spec
 * and .spec that has containers. The image of the container of that name among containers, initContainers and
 * ephemeralContainers, in this order; name empty: of the first of containers. *ret is a view into the object.
 * OV_NOT_FOUND: "container \"x\": not found, there are: a, b". */
OV_MUST_CHECK ov_status podtemplate_image(const char *place, const cJSON *object, ov_str name, ov_str *ret,
                                          ov_err *err);

#endif
