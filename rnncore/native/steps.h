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

/* Steps h ← φ(M h + drive), see ForwardKernel. u has steps + 1 rows, the first is where it starts;
   a has a row for each step. For φ = relu or linear a is u's second row. */
void
NAME(forward)(const REAL *W_hhT, int64_t H, int64_t steps, REAL *u, REAL *a, int64_t activation)
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
    }
}

/* Sweeps δ = f w + g, v = d δ, w = Mᵀ v from the last of `steps` rows to the first, see
   BackwardKernel. path has steps + 1 rows, the last is what comes in. d, g and f may be null. */
void
NAME(backward)(const REAL *W_hh, int64_t H, int64_t steps, REAL *path, REAL *delta, REAL *v,
               const REAL *d, const REAL *g, const REAL *f)
{
    for (int64_t t = steps - 1; t >= 0; t--) {
        const REAL *x = path + (t + 1) * H;
        REAL *w_t = path + t * H;
        if (g) {
            REAL *delta_t = delta + t * H;
            const REAL *g_t = g + t * H;
            REAL f_t = f ? f[t] : 1;
            for (int64_t i = 0; i < H; i++)
                delta_t[i] = f_t * x[i] + g_t[i];
            x = delta_t;
        }
        if (d) {
            REAL *v_t = v + t * H;
            const REAL *d_t = d + t * H;
            for (int64_t i = 0; i < H; i++)
                v_t[i] = d_t[i] * x[i];
            x = v_t;
        }
        memset(w_t, 0, (size_t)H * sizeof(REAL));
        NAME(add_product)(W_hh, x, w_t, H);
    }
}

/* Σ x² of each of n rows in float64, in eight sums of every eighth number. */
void
NAME(squares)(const REAL *rows, int64_t H, int64_t n, double *sums)
{
    for (int64_t t = 0; t < n; t++, rows += H) {
        double s[8] = {0};
        int64_t i = 0;
        for (; i + 8 <= H; i += 8)
            for (int k = 0; k < 8; k++)
                s[k] += (double)rows[i + k] * (double)rows[i + k];
        for (; i < H; i++)
            s[i % 8] += (double)rows[i] * (double)rows[i];
        sums[t] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
}
#undef LANES
