/* Constraints on versions: "= != > < >= <= ~>", comma means and; meaning of go-version 1.9.0. */
#ifndef OV_VERSION_CONSTRAINT_H
#define OV_VERSION_CONSTRAINT_H

#include "version/version.h"

enum { OV_CONSTRAINT_TEXT_MAX = 2048 /* bytes; longer is OV_INVALID */ };

typedef struct ov_constraint ov_constraint;

/* The caller frees. OV_INVALID: "constraint \"^1\": malformed ...". The empty text is malformed: callers that mean "no
 * constraint" do not parse it. */
OV_MUST_CHECK ov_status ov_constraint_parse(ov_str text, ov_constraint **ret, ov_err *err);
void ov_constraint_free(ov_constraint *c);
void ov_constraint_free_p(ov_constraint **c);
bool ov_constraint_check(const ov_constraint *c, const ov_version *v);
/* "~>3" fixes nothing, it allows every higher major: of the first such term "~>3 excludes no higher major: write
 * ~>3.0", cut when it is long; false when there is none. */
enum { OV_CONSTRAINT_HINT = 200 };
bool ov_constraint_hint(const ov_constraint *c, char out[OV_CONSTRAINT_HINT]);

#endif
