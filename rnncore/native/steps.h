/* The two loops over steps, for one floating type; steps.c defines REAL and NAME. */

/* h_{t+1} of one row from its product W_hh h_t; whether the step stands. */
static int
NAME(forward_step)(const struct forward *run, int64_t row, int64_t t, const REAL *product, REAL *pre)
{
    const struct band *band = &run->band;
    const int64_t H = run->H, stride = run->N * H;
    const REAL *u = (const REAL *)run->u + t * stride + row * H;
    REAL *a = (REAL *)run->a + t * stride + row * H;
    REAL *h = (REAL *)run->u + (t + 1) * stride + row * H;
    const int bends = run->activation == TANH, is_in_place = a == h;
    REAL *post = is_in_place ? pre : h; /* the drive in a must outlive a step that does not stand */
    const double k = run->exponents[t * run->N + row];
    if (k == 0)
        for (int64_t i = 0; i < H; i++)
            pre[i] = a[i] + product[i];
    else {
        NAME(scale)(a, pre, H, -k, band);
        for (int64_t i = 0; i < H; i++)
            pre[i] += product[i];
    }
    if (bends && k == 0)
        for (int64_t i = 0; i < H; i++)
            post[i] = NAME(tanh)(pre[i]);
    else if (bends)
        memcpy(post, pre, (size_t)H * sizeof(REAL));
    else if (run->activation == RELU)
        for (int64_t i = 0; i < H; i++)
            post[i] = pre[i] < 0 ? 0 : pre[i];

    /* A scaled row goes without its tanh, which is right only while it is tiny. */
    double high = band->high, square = NAME(square)(post, H), norm = sqrt(square), shift = 0;
    if (bends && k != 0 && band->linear_below - k < log2(high))
        high = ldexp(1.0, (int)(band->linear_below - k));
    if (square == 0) {
        if (!NAME(is_zero)(post, H) || !NAME(is_zero)(u, H))
            return 0;
    } else if (!(norm >= band->low && norm <= high)) {
        if (!(norm < band->low || !bends) || !NAME(is_near)(norm, band))
            return 0;
        int exponent;
        frexp(norm, &exponent);
        shift = fabs(k + exponent) < band->middle ? -k : exponent;
    }
    if (!is_in_place && k == 0)
        memcpy(a, pre, (size_t)H * sizeof(REAL));
    else if (!is_in_place)
        NAME(scale)(pre, a, H, k, band);
    if (shift != 0)
        NAME(scale)(post, h, H, -shift, band);
    else if (is_in_place)
        memcpy(h, post, (size_t)H * sizeof(REAL));
    run->norm[(t + 1) * run->N + row] = ldexp(norm, (int)-shift);
    run->exponents[(t + 1) * run->N + row] = k + shift;
    return 1;
}

/* Rows `row` … `row + rows - 1` from time t to `end`; each goes until a step does not stand, and
   `reached` is the time before that. */
void
NAME(forward)(const struct forward *run, int64_t row, int64_t rows, int64_t t, int64_t end,
              int64_t *reached)
{
    const int64_t H = run->H, stride = run->N * H;
    const REAL *x[GROUP];
    REAL *product[GROUP], *pre = (REAL *)run->scratch, factors[GROUP];
    int64_t which[GROUP];
    for (int r = 0; r < GROUP; r++)
        product[r] = pre + (1 + r) * H;
    for (int64_t n = 0; n < rows; n++)
        reached[n] = t;
    for (; t < end; t++)
        for (int64_t n = 0; n < rows;) {
            int count = 0;
            for (; n < rows && count < GROUP; n++) {
                if (reached[n] < t)
                    continue;
                which[count] = n;
                factors[count] = run->factors ? ((const REAL *)run->factors)[row + n] : 1;
                x[count++] = (const REAL *)run->u + t * stride + (row + n) * H;
            }
            NAME(products)(run->M, x, product, H, count, factors);
            for (int r = 0; r < count; r++)
                reached[which[r]] += NAME(forward_step)(run, row + which[r], t, product[r], pre);
        }
}

/* δ and v of one row at step t of a block; v, which may be δ, which may be the incoming w. */
static const REAL *
NAME(damped)(const struct backward *sweep, int64_t row, int64_t t, double *above, double *squares)
{
    const int64_t H = sweep->H, stride = sweep->N * H, at = t * stride + row * H;
    const REAL *x = (const REAL *)sweep->path + at + stride;
    const double k = sweep->exponents[row], m = sweep->g ? sweep->m[t * sweep->N + row] : -INFINITY;
    /* Where w is so small that g has no number at its scale, δ starts anew at that of g. */
    *above = k < m - sweep->band.middle ? m : k;
    if (sweep->g) {
        REAL *delta = (REAL *)sweep->delta + at, *scaled = (REAL *)sweep->scratch;
        NAME(scale)(x, delta, H, k - *above, &sweep->band);
        if (m != -INFINITY) {
            NAME(scale)((const REAL *)sweep->g + at, scaled, H, m - *above, &sweep->band);
            for (int64_t i = 0; i < H; i++)
                delta[i] += scaled[i];
        }
        x = delta;
    }
    squares[0] = squares[1] = NAME(square)(x, H);
    if (sweep->d) {
        const REAL *d = (const REAL *)sweep->d + at;
        REAL *v = (REAL *)sweep->v + at;
        for (int64_t i = 0; i < H; i++)
            v[i] = d[i] * x[i];
        x = v;
        squares[1] = NAME(square)(x, H);
    }
    return x;
}

/* What becomes of the w that one row hands down at step t; whether the step stands. */
static int
NAME(backward_step)(const struct backward *sweep, int64_t row, int64_t t, double above,
                    double *squares)
{
    const int64_t H = sweep->H, N = sweep->N;
    const struct band *band = &sweep->band;
    REAL *w = (REAL *)sweep->path + (t * N + row) * H;
    squares[2] = NAME(square)(w, H);
    /* A zero must come from zeros: any other may be an underflow. */
    const int is_quiet = !sweep->g || sweep->m[t * N + row] == -INFINITY;
    const int zeros[3] = { is_quiet, squares[0] == 0, squares[1] == 0 };
    int fits = 1, is_near = 1;
    for (int i = 0; i < 3; i++) {
        const double norm = sqrt(squares[i]);
        sweep->norms[(i * sweep->n + t) * N + row] = norm;
        const int is_exact_zero = norm == 0 && zeros[i];
        fits &= is_exact_zero || (norm >= band->low && norm <= band->high);
        is_near &= is_exact_zero || NAME(is_near)(norm, band);
    }
    if (!is_near)
        return 0;
    sweep->above[t * N + row] = above;
    double k = squares[2] == 0 ? 0 : above + sweep->shift[t * N + row];
    if (!fits && squares[2] != 0) {
        int exponent;
        frexp(sqrt(squares[2]), &exponent);
        NAME(scale)(w, w, H, -exponent, band);
        k += exponent;
    }
    sweep->exponents[row] = k;
    return 1;
}

/* Rows `row` … `row + rows - 1` from step end - 1 of a block down to 0; each goes until a step does
   not stand, and `reached` is the one after that. */
void
NAME(backward)(const struct backward *sweep, int64_t row, int64_t rows, int64_t end,
               int64_t *reached)
{
    const int64_t H = sweep->H, stride = sweep->N * H;
    const REAL *v[GROUP];
    REAL *w[GROUP], factors[GROUP];
    int64_t which[GROUP];
    double above[GROUP], squares[GROUP][3];
    for (int64_t n = 0; n < rows; n++)
        reached[n] = end;
    for (int64_t t = end - 1; t >= 0; t--)
        for (int64_t n = 0; n < rows;) {
            int count = 0;
            for (; n < rows && count < GROUP; n++) {
                if (reached[n] > t + 1)
                    continue;
                which[count] = n;
                factors[count] = sweep->factors ? ((const REAL *)sweep->factors)[row + n] : 1;
                w[count] = (REAL *)sweep->path + t * stride + (row + n) * H;
                v[count] = NAME(damped)(sweep, row + n, t, &above[count], squares[count]);
                count++;
            }
            NAME(products)(sweep->M, v, w, H, count, factors);
            for (int r = 0; r < count; r++)
                reached[which[r]] -=
                    NAME(backward_step)(sweep, row + which[r], t, above[r], squares[r]);
        }
}
