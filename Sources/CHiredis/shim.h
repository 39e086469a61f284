// hiredis' reader; we bring the socket. Compiles with 0.14 and 1.x headers.
#pragma once
#include <hiredis/hiredis.h>
// memcmp
#include <string.h>
