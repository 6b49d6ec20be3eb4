/* The one copy of these headers' functions, where code is made small: see base/shared.h. [RFC 791; RFC 1071] */
#define SHARED_HERE
#include "wire/flow.h"
#include "wire/ipv4.h"
