/* The one copy of these headers' functions, where code is made small: see base/shared.h. [RFC 9293 3.3.1] */
#define SHARED_HERE
#include "base/list.h"
#include "base/pool.h"
#include "base/ring.h"
#include "base/table.h"
