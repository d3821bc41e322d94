/* The loops of steps.c for one floating type; steps.c defines REAL, INT, NAME and the constants. */

#define LANES (VECTOR_BYTES / (int64_t)sizeof(REAL))

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

/* As add_product, for `count` vectors of y, which stay in registers all the while. */
static inline __attribute__((always_inline)) void
NAME(add_columns)(const REAL *restrict M, const REAL *restrict x, REAL *restrict y, int64_t H,
                  const int count)
{
    NAME(vector) s[8], *out = (NAME(vector) *)y;
    for (int k = 0; k < count; k++)
        s[k] = out[k];
    for (int64_t j = 0; j < H; j++, M += H) {
        const NAME(vector) *m = (const NAME(vector) *)M;
        for (int k = 0; k < count; k++)
            s[k] += m[k] * x[j];
    }
    for (int k = 0; k < count; k++)
        out[k] = s[k];
}

/* y += Mᵀ x with M [H, H] in C's order, that is y_i += Σ_j M[j, i] x_j, j from first to last for
   every i: the order of a sum depends on H alone. Blocks of y stay in registers. */
static inline __attribute__((always_inline)) void
NAME(add_product)(const REAL *restrict M, const REAL *restrict x, REAL *restrict y, int64_t H)
{
    int64_t i = 0;
    for (; i + 8 * LANES <= H; i += 8 * LANES)
        NAME(add_columns)(M + i, x, y + i, H, 8);
    for (; i + LANES <= H; i += LANES)
        NAME(add_columns)(M + i, x, y + i, H, 1);
    for (; i < H; i++) {
        REAL s = y[i];
        for (int64_t j = 0; j < H; j++)
            s += M[j * H + i] * x[j];
        y[i] = s;
    }
}

/* tanh(a) = t / (t + 2) with t = e^{2|a|} - 1, relative errors of a few units in the last place
   also for tiny |a|. 2|a| = k ln 2 + r; e^r - 1 by its Taylor series; past LARGE, tanh is 1.
   NaN stays NaN. Branches are selections, so compilers turn the loop around it into vectors. */
static inline __attribute__((always_inline)) REAL
NAME(tanh)(REAL a)
{
    REAL y = 2 * NAME(magnitude)(a);
    y = y > LARGE ? LARGE : y;
    REAL shifted = y * (REAL)1.44269504088896340736 + ROUNDER;
    REAL k = shifted - ROUNDER;
    REAL r = (y - k * LN2_HIGH) - k * LN2_LOW;
    REAL p = TAYLOR(r);
    union { REAL real; INT bits; } power = { .real = shifted };
    power.bits = (power.bits << MANTISSA) + (union { REAL real; INT bits; }){ .real = 1 }.bits;
    REAL t = power.real * (r * p) + (power.real - 1);
    REAL h = t / (t + 2);
    return NAME(with_sign)(h, a);
}

/* e^{-z} for z >= 0, 0 where it is below the smallest power of two that is normal, and its square
   further down. */
static inline __attribute__((always_inline)) REAL
NAME(decay)(REAL z)
{
    z = z > LARGEST_LOG ? LARGEST_LOG : z;
    REAL shifted = ROUNDER - z * (REAL)1.44269504088896340736;
    REAL k = shifted - ROUNDER;
    REAL r = (-z - k * LN2_HIGH) - k * LN2_LOW;
    union { REAL real; INT bits; } power = { .real = shifted };
    power.bits = (power.bits << MANTISSA) + (union { REAL real; INT bits; }){ .real = 1 }.bits;
    return power.real + power.real * (r * TAYLOR(r));
}

/* d = tanh'(a) = 4 e / (1 + e)^2 with e = e^{-2|a|}, for n numbers. */
void
NAME(slopes)(const REAL *restrict a, REAL *restrict d, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        REAL root = NAME(decay)(NAME(magnitude)(a[i]));
        REAL e = root * root, sum = 1 + e;
        d[i] = 4 * e / (sum * sum);
    }
}

/* Σ x² in float64, as eight sums of every eighth number. */
static inline __attribute__((always_inline)) double
NAME(square)(const REAL *x, int64_t H)
{
    double s[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= H; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += (double)x[i + k] * (double)x[i + k];
    for (int k = 0; i < H; i++, k++)
        s[k] += (double)x[i] * (double)x[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

void
NAME(squares)(const REAL *rows, int64_t H, int64_t n, double *sums)
{
    for (int64_t t = 0; t < n; t++)
        sums[t] = NAME(square)(rows + t * H, H);
}

/* Steps h ← φ(M h + drive), see ForwardKernel. u has steps + 1 rows, the first is where it starts;
   a has a row for each step. For φ = relu or linear a is u's second row. sums[t] is ‖u[t + 1]‖².
   Ends after the first step whose sum is outside [low, high] and not 0; the number of steps. */
int64_t
NAME(forward)(const REAL *W_hhT, int64_t H, int64_t steps, REAL *u, REAL *a, int64_t activation,
              double low, double high, double *sums)
{
    for (int64_t t = 0; t < steps; t++) {
        const REAL *h = u + t * H;
        REAL *a_t = a + t * H, *h_t = u + (t + 1) * H;
        NAME(add_product)(W_hhT, h, a_t, H);
        if (activation == TANH)
            for (int64_t i = 0; i < H; i++)
                h_t[i] = NAME(tanh)(a_t[i]);
        else if (activation == COPY)
            memcpy(h_t, a_t, (size_t)H * sizeof(REAL));
        else if (activation == RELU)
            for (int64_t i = 0; i < H; i++)
                h_t[i] = a_t[i] < 0 ? 0 : a_t[i];
        sums[t] = NAME(square)(h_t, H);
        if (!(sums[t] >= low && sums[t] <= high) && sums[t] != 0)
            return t + 1;
    }
    return steps;
}

/* Sweeps δ = f w + g, v = d δ, w = Mᵀ v from the last of `steps` rows to the first, see
   BackwardKernel. path has steps + 1 rows, the last is what comes in. d, g and f may be null.
   sums has 3 (steps + 1) numbers: of each row of path, δ and v, ‖·‖². Ends after the first step
   with a sum outside [low, high] and not 0; the number of rows that are left. */
int64_t
NAME(backward)(const REAL *W_hh, int64_t H, int64_t steps, REAL *path, REAL *delta, REAL *v,
               const REAL *d, const REAL *g, const REAL *f, double low, double high, double *sums)
{
    double *path_sums = sums, *delta_sums = sums + steps + 1, *v_sums = delta_sums + steps + 1;
    path_sums[steps] = NAME(square)(path + steps * H, H);
    for (int64_t t = steps - 1; t >= 0; t--) {
        const REAL *x = path + (t + 1) * H;
        REAL *w_t = path + t * H;
        delta_sums[t] = path_sums[t + 1];
        if (g) {
            REAL *delta_t = delta + t * H;
            const REAL *g_t = g + t * H;
            REAL f_t = f ? f[t] : 1;
            for (int64_t i = 0; i < H; i++)
                delta_t[i] = f_t * x[i] + g_t[i];
            x = delta_t;
            delta_sums[t] = NAME(square)(x, H);
        }
        v_sums[t] = delta_sums[t];
        if (d) {
            REAL *v_t = v + t * H;
            const REAL *d_t = d + t * H;
            for (int64_t i = 0; i < H; i++)
                v_t[i] = d_t[i] * x[i];
            x = v_t;
            v_sums[t] = NAME(square)(x, H);
        }
        memset(w_t, 0, (size_t)H * sizeof(REAL));
        NAME(add_product)(W_hh, x, w_t, H);
        path_sums[t] = NAME(square)(w_t, H);
        const double all[3] = { delta_sums[t], v_sums[t], path_sums[t] };
        for (int k = 0; k < 3; k++)
            if (!(all[k] >= low && all[k] <= high) && all[k] != 0)
                return t;
    }
    return 0;
}

#undef LANES
