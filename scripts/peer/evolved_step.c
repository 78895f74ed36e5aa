// The net of plasticlstm/evolved (decomposed rule, neuromodulation after the step)
// as plain loops, for scripts/steps to be held against:
//
//	gcc -O3 -march=native scripts/peer/evolved_step.c -lm && ./a.out STEPS
//
// It prints a checksum of the outputs of its first life and the steps a second. The
// weights are laid out so that every inner loop runs over the receiving neurons,
// which the compiler turns into vectors without leave to reorder sums.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { H = 64, I = 15, O = 5, LIFE = 1600 };

static uint64_t state = 1;
static float draw(void) {
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (float)(state >> 40) / 16777216.0f - 0.5f;
}
static void fill(float *x, int n, float scale) {
	for (int i = 0; i < n; i++) x[i] = scale * draw();
}

static float U[O][H], c[O], V[2][H], d[2], b[H];
static float hpre[4][H], hpost[4][H], xpre[4][I], xpost[4][H]; // a, b, c, d
static float Wh[H][H], Wx[I][H];                               // [pre][post]
static float h[H], before[H];

static float logistic(float x) { return 1 / (1 + expf(-x)); }

static void update(int n, float W[][H], float pre_[4][n], float post_[4][H], const float *pre, float rate) {
	for (int i = 0; i < n; i++) {
		float p = pre[i], xa = pre_[0][i], xb = pre_[1][i], xc = pre_[2][i], xd = pre_[3][i];
		for (int j = 0; j < H; j++)
			W[i][j] += rate * (post_[0][j] * xa * h[j] * p + post_[1][j] * xb * h[j] + post_[2][j] * xc * p + post_[3][j] * xd);
	}
}

static void step(const float *x, float *o) {
	float sum[H], m[2];
	memcpy(before, h, sizeof h);
	memcpy(sum, b, sizeof sum);
	for (int i = 0; i < H; i++)
		for (int j = 0; j < H; j++) sum[j] += Wh[i][j] * before[i];
	for (int i = 0; i < I; i++)
		for (int j = 0; j < H; j++) sum[j] += Wx[i][j] * x[i];
	for (int j = 0; j < H; j++) h[j] = tanhf(sum[j]);
	for (int k = 0; k < O; k++) {
		o[k] = c[k];
		for (int j = 0; j < H; j++) o[k] += U[k][j] * h[j];
	}
	for (int k = 0; k < 2; k++) {
		m[k] = d[k];
		for (int j = 0; j < H; j++) m[k] += V[k][j] * h[j];
		m[k] = logistic(m[k]);
	}
	update(H, Wh, hpre, hpost, before, 0.2f * m[0]);
	update(I, Wx, xpre, xpost, x, 0.2f * m[1]);
}

int main(int argc, char **argv) {
	long steps = argc > 1 ? atol(argv[1]) : 100000;
	fill(&U[0][0], O * H, 1), fill(c, O, 1), fill(&V[0][0], 2 * H, 1), fill(d, 2, 1), fill(b, H, 1);
	for (int k = 0; k < 4; k++) fill(hpre[k], H, 0.2f), fill(hpost[k], H, 0.2f);
	for (int k = 0; k < 4; k++) fill(xpre[k], I, 0.2f), fill(xpost[k], H, 0.2f);
	double check = 0;
	struct timespec t0, t1;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (long s = 0; s < steps; s++) {
		float x[I] = {0}, o[O];
		if (s % LIFE == 0) {
			memset(Wh, 0, sizeof Wh), memset(Wx, 0, sizeof Wx), memset(h, 0, sizeof h);
			state = 7;
		}
		for (int i = 0; i < 9; i++) x[i] = draw() > 0;
		x[9 + s % 4] = 1;
		step(x, o);
		if (s < 20)
			for (int k = 0; k < O; k++) check += o[k];
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	printf("%.6f %.0f\n", check, steps / ((t1.tv_sec - t0.tv_sec) + 1e-9 * (t1.tv_nsec - t0.tv_nsec)));
}
