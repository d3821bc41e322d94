/* GRU and LSTM for one floating type: the steps forward, and what a step backward multiplies by.
   steps.c defines REAL and NAME; the same stands readable in gated/kernels.py and
   gated/coefficients.py. */

/* The products of up to GROUP rows from `row` on: those of their states, into the scratch. */
static int
NAME(gate_products)(const struct gated *run, const REAL *h, int64_t row, int64_t gates,
                    REAL **product)
{
    const int64_t H = run->H;
    const REAL *x[GROUP];
    int count = 0;
    for (; row < run->N && count < GROUP; row++, count++) {
        x[count] = h + row * H;
        product[count] = (REAL *)run->scratch + count * gates * H;
    }
    NAME(plain_products)(run->M, x, product, H, gates * H, count);
    return count;
}

static inline void
NAME(gru_step)(REAL *restrict a, const REAL *restrict product, REAL *restrict n,
               const REAL *restrict h, REAL *restrict out, int64_t H)
{
    for (int64_t i = 0; i < 3 * H; i++)
        a[i] += product[i];
    for (int64_t i = 0; i < H; i++) {
        n[i] += NAME(sigmoid)(a[i]) * a[2 * H + i];
        /* σ(-a) is 1 - z without what would cancel there. */
        out[i] = NAME(sigmoid)(-a[H + i]) * NAME(tanh)(n[i]) + NAME(sigmoid)(a[H + i]) * h[i];
    }
}

static inline void
NAME(lstm_step)(REAL *restrict a, const REAL *restrict product, const REAL *restrict c,
                REAL *restrict c_out, REAL *restrict out, int64_t H)
{
    for (int64_t i = 0; i < 4 * H; i++)
        a[i] += product[i];
    for (int64_t i = 0; i < H; i++) {
        c_out[i] = NAME(sigmoid)(a[H + i]) * c[i] + NAME(sigmoid)(a[i]) * NAME(tanh)(a[2 * H + i]);
        out[i] = NAME(sigmoid)(a[3 * H + i]) * NAME(tanh)(c_out[i]);
    }
}

/* States of times t + 1 … end of all rows, from h and c [N, H] at time t. */
void
NAME(forward_gru)(const struct gated *run, int64_t t, int64_t end, const void *h_t, const void *c_t)
{
    const int64_t H = run->H, stride = run->N * H;
    const REAL *h = h_t;
    REAL *product[GROUP];
    (void)c_t;
    for (; t < end; t++) {
        REAL *a = (REAL *)run->a + 3 * t * stride, *n = (REAL *)run->n + t * stride;
        REAL *out = (REAL *)run->u + (t + 1) * stride;
        for (int64_t row = 0; row < run->N;) {
            const int count = NAME(gate_products)(run, h, row, 3, product);
            for (int r = 0; r < count; r++, row++)
                NAME(gru_step)(a + 3 * row * H, product[r], n + row * H, h + row * H,
                               out + row * H, H);
        }
        h = out;
    }
}

void
NAME(forward_lstm)(const struct gated *run, int64_t t, int64_t end, const void *h_t,
                   const void *c_t)
{
    const int64_t H = run->H, stride = run->N * H;
    const REAL *h = h_t, *c = c_t;
    REAL *product[GROUP];
    for (; t < end; t++) {
        REAL *a = (REAL *)run->a + 4 * t * stride, *c_out = (REAL *)run->c + (t + 1) * stride;
        REAL *out = (REAL *)run->u + (t + 1) * stride;
        for (int64_t row = 0; row < run->N;) {
            const int count = NAME(gate_products)(run, h, row, 4, product);
            for (int r = 0; r < count; r++, row++)
                NAME(lstm_step)(a + 4 * row * H, product[r], c + row * H, c_out + row * H,
                                out + row * H, H);
        }
        h = out;
        c = c_out;
    }
}

/* The coefficients of one row; the factors bring what is scaled back to its size. */
static inline void
NAME(gru_coefficients)(const REAL *restrict a, const REAL *restrict n, const REAL *restrict h,
                       double of_h, double of_n, double *restrict K, int64_t H)
{
    for (int64_t i = 0; i < H; i++) {
        const double m = of_n * a[2 * H + i], a_n = of_n * n[i];
        double r_slope, z_slope;
        const double r = sigmoid_and_slope_f64(a[i], &r_slope);
        const double z = sigmoid_and_slope_f64(a[H + i], &z_slope);
        /* 1 - z cancels where z is large. */
        const double through = slope_f64(a_n) * (a[H + i] < 0 ? 1 - z : z_slope / z);
        K[i] = through * r_slope * m;
        K[H + i] = z_slope * (of_h * h[i] - tanh_f64(a_n));
        K[2 * H + i] = through * r;
        K[3 * H + i] = through;
        K[4 * H + i] = z;
    }
}

static inline void
NAME(lstm_coefficients)(const REAL *restrict a, const REAL *restrict before,
                        const REAL *restrict after, double of_g, double of_before,
                        double of_after, double *restrict K, int64_t H)
{
    /* Two loops: of one, GCC makes no vectors. */
    for (int64_t i = 0; i < H; i++) {
        double i_slope, f_slope;
        const double a_g = of_g * a[2 * H + i];
        const double in = sigmoid_and_slope_f64(a[i], &i_slope);
        K[i] = sigmoid_and_slope_f64(a[H + i], &f_slope);
        K[H + i] = i_slope * tanh_f64(a_g);
        K[2 * H + i] = f_slope * of_before * before[i];
        K[3 * H + i] = slope_f64(a_g) * in;
    }
    for (int64_t i = 0; i < H; i++) {
        double o_slope;
        const double c = of_after * after[i];
        const double o = sigmoid_and_slope_f64(a[3 * H + i], &o_slope);
        K[4 * H + i] = o_slope * tanh_f64(c);
        K[5 * H + i] = slope_f64(c) * o;
    }
}

/* K [end - t, N, 5, H] of the steps [t, end). */
void
NAME(coefficients_gru)(const struct gated *run, int64_t t, int64_t end, double *K)
{
    const int64_t H = run->H;
    for (int64_t at = t * run->N; at < end * run->N; at++, K += 5 * H)
        NAME(gru_coefficients)((const REAL *)run->a + 3 * at * H, (const REAL *)run->n + at * H,
                               (const REAL *)run->u + at * H, power_of_two(run->exponents[at]),
                               power_of_two(run->candidate_exponents[at]), K, H);
}

/* K [end - t, N, 6, H] likewise. */
void
NAME(coefficients_lstm)(const struct gated *run, int64_t t, int64_t end, double *K)
{
    const int64_t H = run->H, N = run->N;
    for (int64_t at = t * N; at < end * N; at++, K += 6 * H) {
        const REAL *before = (const REAL *)run->c + at * H;
        NAME(lstm_coefficients)((const REAL *)run->a + 4 * at * H, before, before + N * H,
                                power_of_two(run->candidate_exponents[at]),
                                power_of_two(run->exponents[at]),
                                power_of_two(run->exponents[at + N]), K, H);
    }
}
