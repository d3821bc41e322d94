/* Vectors of one floating type: products, tanh and its slope, norms, scales. steps.c defines REAL,
   INT, NAME and the constants. */

#define LANES (VECTOR_BYTES / (int64_t)sizeof(REAL))

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

/* y[r] = Mᵀ x[r] for `rows` vectors, of each the elements from i on that `count` vectors hold,
   which stay in registers all the while. M is [inputs, outputs]. */
static inline __attribute__((always_inline)) void
NAME(columns)(const REAL *restrict M, const REAL *const *x, REAL *const *y, int64_t i,
              int64_t inputs, int64_t outputs, const int rows, const int count)
{
    NAME(vector) s[8];
    for (int k = 0; k < rows * count; k++)
        s[k] = (NAME(vector)){0};
    for (int64_t j = 0; j < inputs; j++) {
        const NAME(vector) *m = (const NAME(vector) *)(M + j * outputs + i);
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < count; k++)
                s[r * count + k] += m[k] * x[r][j];
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < count; k++)
            ((NAME(vector) *)(y[r] + i))[k] = s[r * count + k];
}

/* y[r] = Mᵀ x[r] with M [inputs, outputs] in C's order, that is y_i = Σ_j M[j, i] x_j, j from
   first to last for every i: the order of a sum depends on sizes alone, not on how many vectors
   go together. */
static inline __attribute__((always_inline)) void
NAME(some_products)(const REAL *restrict M, const REAL *const *x, REAL *const *y, int64_t inputs,
                    int64_t outputs, const int rows)
{
    int64_t i = 0;
    for (; i + 8 / rows * LANES <= outputs; i += 8 / rows * LANES)
        NAME(columns)(M, x, y, i, inputs, outputs, rows, 8 / rows);
    for (; i + LANES <= outputs; i += LANES)
        NAME(columns)(M, x, y, i, inputs, outputs, rows, 1);
    for (; i < outputs; i++)
        for (int r = 0; r < rows; r++) {
            REAL s = 0;
            for (int64_t j = 0; j < inputs; j++)
                s += M[j * outputs + i] * x[r][j];
            y[r][i] = s;
        }
}

/* y[r] = Mᵀ x[r] for up to GROUP vectors. */
static void
NAME(plain_products)(const REAL *M, const REAL *const *x, REAL *const *y, int64_t inputs,
                     int64_t outputs, int rows)
{
    if (rows == GROUP)
        NAME(some_products)(M, x, y, inputs, outputs, GROUP);
    else
        for (int r = 0; r < rows; r++)
            NAME(some_products)(M, x + r, y + r, inputs, outputs, 1);
}

/* y[r] = factor[r] Mᵀ x[r] for up to GROUP vectors and M [H, H]. */
static void
NAME(products)(const REAL *M, const REAL *const *x, REAL *const *y, int64_t H, int rows,
               const REAL *factors)
{
    NAME(plain_products)(M, x, y, H, H, rows);
    for (int r = 0; r < rows; r++)
        if (factors[r] != 1)
            for (int64_t i = 0; i < H; i++)
                y[r][i] *= factors[r];
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

/* σ(a), 0 where it is below the smallest power of two that is normal; and σ(a) σ(-a). */
static inline __attribute__((always_inline)) REAL
NAME(sigmoid_and_slope)(REAL a, REAL *slope)
{
    REAL z = NAME(magnitude)(a), e = NAME(decay)(z);
    e = z > LARGEST_LOG ? 0 : e;
    REAL kept = 1 / (1 + e), shut = e * kept;
    *slope = shut * kept;
    return a < 0 ? shut : kept;
}

static inline __attribute__((always_inline)) REAL
NAME(sigmoid)(REAL a)
{
    REAL slope;
    return NAME(sigmoid_and_slope)(a, &slope);
}

/* d = tanh'(a) = 4 e / (1 + e)^2 with e = e^{-2|a|}. */
static inline __attribute__((always_inline)) REAL
NAME(slope)(REAL a)
{
    REAL root = NAME(decay)(NAME(magnitude)(a));
    REAL e = root * root, sum = 1 + e;
    return 4 * e / (sum * sum);
}

void
NAME(slopes)(const REAL *restrict a, REAL *restrict d, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        d[i] = NAME(slope)(a[i]);
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

/* y = 2^k x, exact or 0 or ±inf where the type ends, never NaN for finite x. */
static inline void
NAME(scale)(const REAL *x, REAL *y, int64_t H, double k, const struct band *band)
{
    /* 2^k itself may not fit where the product does; three spans cover all that a type holds. */
    const double span = band->span;
    k = k > 3 * span ? 3 * span : k < -3 * span ? -3 * span : k;
    for (int is_first = 1; is_first || k != 0; is_first = 0) {
        const double part = k > span ? span : k < -span ? -span : k;
        const REAL power = (REAL)ldexp(1.0, (int)part);
        for (int64_t i = 0; i < H; i++)
            y[i] = x[i] * power;
        x = y;
        k -= part;
    }
}

/* Whether a norm is in the band, or so near that the step before still stands. */
static inline int
NAME(is_near)(double norm, const struct band *band)
{
    return norm >= band->low / band->slack && norm <= band->high * band->slack;
}

static inline int
NAME(is_zero)(const REAL *x, int64_t H)
{
    for (int64_t i = 0; i < H; i++)
        if (x[i] != 0)
            return 0;
    return 1;
}
