/* The sweep of gated cells backward, in float64 for both types; the same stands readable in
   gated/adjoints.py. */

static void
times_gradient(const double *restrict K, const double *restrict gradient, double *restrict p,
               int64_t slots, int64_t H)
{
    for (int64_t slot = 0; slot < slots; slot++)
        for (int64_t i = 0; i < H; i++)
            p[slot * H + i] = K[slot * H + i] * gradient[i];
}

/* p of one row from what comes in, w and for an LSTM c. */
static void
coefficients_times(const struct adjoint *sweep, int64_t at, const double *w, const double *c,
                   const double *g)
{
    const int64_t H = sweep->H;
    const double *K = sweep->K + at * sweep->slots * H;
    double *p = sweep->p + at * sweep->slots * H;
    if (g) {
        double *delta = sweep->delta + at * H;
        for (int64_t i = 0; i < H; i++)
            delta[i] = w[i] + g[i];
        w = delta;
    }
    if (!c) {
        times_gradient(K, w, p, 5, H);
        return;
    }
    times_gradient(K + 4 * H, w, p + 4 * H, 2, H);
    double *gamma = p + 5 * H;
    for (int64_t i = 0; i < H; i++)
        gamma[i] += c[i];
    times_gradient(K, gamma, p, 4, H);
}

/* The steps end - 1 … start of all rows, from w and for an LSTM c, [N, H]; g [end - start, N, H]
   or null for 0. */
void
adjoint(const struct adjoint *sweep, int64_t start, int64_t end, const double *w, const double *c,
        const double *g)
{
    const int64_t H = sweep->H, N = sweep->N, slots = sweep->slots;
    const int is_lstm = slots == 6;
    int64_t c_stride = H;
    if (!is_lstm)
        c = 0;
    for (int64_t t = end - 1; t >= start; t--) {
        for (int64_t row = 0; row < N;) {
            const double *x[GROUP];
            double *y[GROUP];
            int count = 0;
            for (; row < N && count < GROUP; row++, count++) {
                const int64_t at = t * N + row;
                coefficients_times(sweep, at, w + row * H, c ? c + row * c_stride : 0,
                                   g ? g + ((t - start) * N + row) * H : 0);
                x[count] = sweep->p + (at * slots + is_lstm) * H;
                y[count] = sweep->path + at * H;
            }
            plain_products_f64(sweep->W, x, y, sweep->gates * H, H, count);
            if (!is_lstm)
                for (int r = 0; r < count; r++)
                    for (int64_t i = 0; i < H; i++)
                        y[r][i] += x[r][4 * H + i];
        }
        w = sweep->path + t * N * H;
        if (is_lstm) {
            c = sweep->p + t * N * slots * H;
            c_stride = slots * H;
        }
    }
}
