/* The innermost loops of rnncore on a CPU: what kernels.py does with NumPy, for one sequence twenty
   times faster, since a step of 64 units is shorter than a call from Python. kernels.py is the
   readable reference, and tests hold the two against each other.

   Plain C with the vector types of GCC and Clang, in one order of sums for all; built by
   hatch_build.py, loaded by ctypes. Nothing here allocates, and overflow is a result. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum { LINEAR = 0, RELU = 1, TANH = 2 };
enum { GROUP = 4 }; /* rows whose products are taken together */

/* Band of extended_range.py, and its SLACK. */
struct band {
    double low, high, middle, linear_below, span, slack;
};

/* Steps h ← φ(factor M h + a) of N rows from time t on. Rows of u and a are H numbers, time-major:
   u [T + 1, N, H], a [T, N, H] holds the drives and takes the preactivations; the memory of u[1:]
   where φ is not tanh. A state is u · 2^exponent, see stepping.py. */
struct forward {
    const void *M;       /* W_hhᵀ, [H, H] */
    void *u, *a;
    double *norm;        /* [T + 1, N], of u */
    double *exponents;   /* [T + 1, N] */
    const void *factors; /* [N], or null for 1 */
    void *scratch;       /* (1 + GROUP) H numbers */
    int64_t H, N, activation;
    struct band band;
};

/* Sweeps δ = w + g, v = d δ, w ← factor Mᵀ v over a block of n steps, see sweeping.py. */
struct backward {
    const void *M;         /* W_hh, [H, H] */
    void *path;            /* [n + 1, N, H]: entry j is the w that step j hands down */
    void *delta, *v;       /* [n, N, H]; delta is left alone without g, v without d */
    const void *d;         /* [n, N, H], slopes / 2^shift, or null for 1 */
    const double *shift;   /* [n, N] */
    const void *g;         /* [n, N, H], local gradients / 2^m, or null for 0 */
    const double *m;       /* [n, N], -inf where g is 0 */
    double *exponents;     /* [N], of the incoming w */
    double *above, *norms; /* [n, N], the exponents of δ; [3, n, N], ‖δ‖, ‖v‖ and ‖w‖ */
    const void *factors;   /* [N], or null for 1 */
    void *scratch;         /* H numbers */
    int64_t H, N, n;
    struct band band;
};

/* Steps of a GRU or an LSTM, see gated/kernels.py; time-major, rows of H numbers. */
struct gated {
    const void *M;  /* W_hhᵀ, [H, gates H] */
    void *u, *a;    /* [T + 1, N, H] and [T, N, gates H], drives that become preactivations */
    void *n, *c;    /* of a GRU a_n, [T, N, H]; of an LSTM c, [T + 1, N, H] */
    void *scratch;  /* GROUP gates H numbers */
    const double *exponents;           /* [T + 1, N] of u and c */
    const double *candidate_exponents; /* [T, N] of the candidate's preactivations */
    int64_t H, N;
};

/* Sweeps of a GRU (5 slots) or an LSTM (6), see gated/adjoints.py. */
struct adjoint {
    const double *W;              /* W_hh, [gates H, H] */
    const double *K;              /* [n, N, slots, H] */
    double *p, *path, *delta;     /* likewise, and twice [n, N, H] */
    int64_t H, N, gates, slots;
};

#define REAL float
#define INT uint32_t
#define NAME(function) function##_f32
#define magnitude_f32 fabsf
#define with_sign_f32 copysignf
#define MANTISSA 23
#define ROUNDER 0x1.8p23f
#define LARGE 40.0f
#define LARGEST_LOG 87.0f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define TAYLOR(r) \
    (1.0f + r * (0x1p-1f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f \
     + r * (1 / 720.0f + r * (1 / 5040.0f + r * (1 / 40320.0f))))))))
#include "vectors.h"
#include "steps.h"
#undef REAL
#undef INT
#undef NAME
#undef MANTISSA
#undef ROUNDER
#undef LARGE
#undef LARGEST_LOG
#undef LN2_HIGH
#undef LN2_LOW
#undef TAYLOR
#undef LANES

#define REAL double
#define INT uint64_t
#define NAME(function) function##_f64
#define magnitude_f64 fabs
#define with_sign_f64 copysign
#define MANTISSA 52
#define ROUNDER 0x1.8p52
#define LARGE 80.0
#define LARGEST_LOG 708.0
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define TAYLOR(r) \
    (1.0 + r * (0x1p-1 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0 + r * (1 / 720.0 \
     + r * (1 / 5040.0 + r * (1 / 40320.0 + r * (1 / 362880.0 + r * (1 / 3628800.0 \
     + r * (1 / 39916800.0 + r * (1 / 479001600.0 + r * (1 / 6227020800.0)))))))))))))
#include "vectors.h"
#include "steps.h"

static double
power_of_two(double k)
{
    return k == 0 ? 1 : ldexp(1.0, (int)(k < -2000 ? -2000 : k));
}

/* What a gated cell multiplies by backward is float64 for both types. */
#include "gated.h"
#include "adjoint.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(function) function##_f32
#include "gated.h"


/* Of the functions' arguments; rnncore.native expects the same number. */
int
abi(void)
{
    return 5;
}

/* The vector instructions of the processor: 0 base, 1 AVX2 with FMA, 2 AVX-512. */
int
level(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                   && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
               ? 2
               : 1;
#else
    return 0;
#endif
}
