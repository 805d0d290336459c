"""Times Up-Down and the Transformer captioner in PyTorch, with or without MIA, on synthetic inputs: what bench/step.ts and
bench/decode.ts compute (with --self-critical, bench/self-critical.ts), as fast as plain PyTorch does it. Prints one JSON line: seconds of a training step (forward, backward,
Adam), or images per second of a beam search. Needs Debian's python3-torch and libopenblas0-openmp.

Tuned: images are encoded once for all their captions; queries, keys and values are one product; captions and hypotheses of an
image attend to it in one batch; keys and values of the image are computed once and those of the words are kept; words and the
image pass through the input weights of Up-Down's first LSTM in one product. It restarts itself with the environment in which
it is fastest: OpenBLAS's AVX-512 kernels, and an allocator that keeps its memory.
"""
import argparse, json, math, os, sys, time


def restart_tuned():
    env = dict(os.environ, MIA_TUNED='1', MALLOC_MMAP_MAX_='0', MALLOC_TRIM_THRESHOLD_='8000000000', MALLOC_TOP_PAD_='268435456')
    openmp = '/usr/lib/x86_64-linux-gnu/openblas-openmp'
    if os.path.isdir(openmp):
        env['LD_LIBRARY_PATH'] = openmp + ':' + env.get('LD_LIBRARY_PATH', '')
    if ' avx512f' in open('/proc/cpuinfo').read():
        env.setdefault('OPENBLAS_CORETYPE', 'SkylakeX')
    os.execve(sys.executable, [sys.executable] + sys.argv, env)


if 'MIA_TUNED' not in os.environ and sys.platform == 'linux':
    restart_tuned()
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument('--model', choices=['UpDown', 'Transformer'], required=True)
parser.add_argument('--mia', type=int, default=0, help='iterations; 0: without')
parser.add_argument('--images', type=int, default=16)
parser.add_argument('--captions', type=int, default=5)
parser.add_argument('--words', type=int, default=16)
parser.add_argument('--vocab', type=int, default=9568)
parser.add_argument('--regions', type=int, default=49)
parser.add_argument('--features', type=int, default=2048)
parser.add_argument('--layers', type=int, default=6)
parser.add_argument('--decode', type=int, default=0, help='width of the beam: times a search instead of a step')
parser.add_argument('--length', type=int, default=20, help='words of a search')
parser.add_argument('--self-critical', action='store_true', help='times a step on sampled captions; rewards are random')
parser.add_argument('--steps', type=int, default=5)
parser.add_argument('--threads', type=int, default=2)
a = parser.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(0)
D, HEADS, INNER, ATTENTION = 512, 8, 2048, 512
RATE = .1 if a.model == 'Transformer' else .5


def heads(x):
    """[B, N, D] to [B, heads, N, D/heads]"""
    return x.view(x.size(0), -1, HEADS, D // HEADS).transpose(1, 2)


def attend(q, k, v, rate, training, bias=None):
    scores = q @ k.transpose(2, 3) / math.sqrt(D // HEADS)
    weights = torch.softmax(scores if bias is None else scores + bias, -1)
    return (F.dropout(weights, rate, training) @ v).transpose(1, 2).reshape(q.size(0), -1, D)


class MiaBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.kv, self.o = nn.Linear(D, D), nn.Linear(D, 2 * D), nn.Linear(D, D)
        self.inner, self.outer = nn.Linear(D, INNER), nn.Linear(INNER, D)
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)

    def forward(self, query, value):
        k, v = self.kv(value).chunk(2, -1)
        y = self.o(attend(heads(self.q(query)), heads(k), heads(v), .1, self.training))
        y = self.n1(F.dropout(y, .1, self.training) + value)
        return self.n2(F.dropout(self.outer(F.relu(self.inner(y))), .1, self.training) + y)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.words = nn.Linear(a.features, D), nn.Embedding(a.vocab, D)
        if a.mia:
            self.visual, self.textual, self.vn, self.n = MiaBranch(), MiaBranch(), nn.LayerNorm(D), nn.LayerNorm(D)

    def forward(self, features, concepts):
        v = F.relu(self.image(F.dropout(features, RATE, self.training)))
        if not a.mia:
            return v
        t = self.words(concepts)
        for _ in range(a.mia):
            v = self.vn(self.visual(t, v) + v)
            t = self.textual(v, t)
        return self.n(v + t)


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.inner, self.outer = nn.LayerNorm(D), nn.Linear(D, INNER), nn.Linear(INNER, D)

    def forward(self, x):
        y = self.outer(F.dropout(F.relu(self.inner(self.norm(x))), RATE, self.training))
        return x + F.dropout(y, RATE, self.training)


class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.o, self.ff = nn.LayerNorm(D), nn.Linear(D, 3 * D), nn.Linear(D, D), FeedForward()

    def forward(self, x):
        q, k, v = (heads(y) for y in self.qkv(self.norm(x)).chunk(3, -1))
        return self.ff(x + F.dropout(self.o(attend(q, k, v, RATE, self.training)), RATE, self.training))


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.qkv, self.o1 = nn.LayerNorm(D), nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.n2, self.q, self.kv, self.o2, self.ff = nn.LayerNorm(D), nn.Linear(D, D), nn.Linear(D, 2 * D), nn.Linear(D, D), FeedForward()

    def memory(self, m):
        return [heads(y).contiguous() for y in self.kv(m).chunk(2, -1)]

    def forward(self, x, memory, bias=None, past=None):
        q, k, v = (heads(y) for y in self.qkv(self.n1(x)).chunk(3, -1))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        x = x + F.dropout(self.o1(attend(q, k, v, RATE, self.training, bias)), RATE, self.training)
        # all rows of an image in one product
        q = heads(self.q(self.n2(x)).view(memory[0].size(0), -1, D))
        y = self.o2(attend(q, *memory, RATE, self.training)).view(x.shape)
        return self.ff(x + F.dropout(y, RATE, self.training)), (k, v)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.enc, self.dec = (nn.ModuleList([kind() for _ in range(a.layers)]) for kind in (EncoderLayer, DecoderLayer))
        self.en, self.dn, self.out = nn.LayerNorm(D), nn.LayerNorm(D), nn.Linear(D, a.vocab)
        angles = torch.arange(a.words + a.length)[:, None] / 10000 ** (torch.arange(0, D, 2) / D)
        self.positions = torch.stack([angles.sin(), angles.cos()], 2).view(-1, D)

    def encode(self, features, concepts):
        x = self.encoder(features, concepts)
        for layer in self.enc:
            x = layer(x)
        x = self.en(x)
        return [layer.memory(x) for layer in self.dec]

    def embed(self, words, first):
        x = self.encoder.words(words) * math.sqrt(D) + self.positions[first:first + words.size(1)]
        return F.dropout(x, RATE, self.training)

    def force(self, words, memories):
        x = self.embed(words, 0)
        bias = torch.full((words.size(1), words.size(1)), -1e9).triu(1)
        for layer, memory in zip(self.dec, memories):
            x, _ = layer(x, memory, bias)
        return self.out(self.dn(x))

    def start(self, memories, rows):
        none = torch.empty(rows, HEADS, 0, D // HEADS)
        return [(none, none) for _ in self.dec]

    def step(self, words, memories, state, position):
        x, after = self.embed(words[:, None], position), []
        for layer, memory, past in zip(self.dec, memories, state):
            x, kept = layer(x, memory, None, past)
            after.append(kept)
        return self.out(self.dn(x[:, 0])), after

    @staticmethod
    def reorder(state, rows):
        return [tuple(x.index_select(0, rows) for x in pair) for pair in state]


class UpDown(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.globals, self.key, self.query, self.score = nn.Linear(D, D), nn.Linear(D, ATTENTION), nn.Linear(D, ATTENTION), nn.Linear(ATTENTION, 1, False)
        self.word_gates, self.global_gates = nn.Linear(D, 4 * D, False), nn.Linear(D, 4 * D)
        # one product for all that depends on the state
        self.lower, self.upper, self.out = nn.Linear(2 * D, 4 * D, False), nn.Linear(3 * D, 4 * D), nn.Linear(D, a.vocab)

    def encode(self, features, concepts):
        v = self.encoder(features, concepts)
        f = F.dropout(F.relu(self.globals(v.mean(1))), RATE, self.training)
        return v, self.key(v), self.global_gates(f)

    @staticmethod
    def cell(gates, c):
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def advance(self, gates, encoded, state):
        v, keys, _ = encoded
        h1, c1, h2, c2 = state
        h1, c1 = self.cell(gates + self.lower(torch.cat([h2, h1], 1)), c1)
        queries = self.query(h1).view(v.size(0), -1, 1, ATTENTION)
        weights = torch.softmax(self.score(torch.tanh(keys[:, None] + queries)).squeeze(3), -1)
        context = (weights @ v).view(-1, D)
        h2, c2 = self.cell(self.upper(torch.cat([context, h1, h2], 1)), c2)
        return h1, c1, h2, c2

    def gates(self, words, encoded, each):
        x = F.dropout(F.relu(self.encoder.words(words)), RATE, self.training)
        return self.word_gates(x) + encoded[2].repeat_interleave(each, 0)[:, None]

    def force(self, words, encoded):
        gates = self.gates(words, encoded, words.size(0) // encoded[0].size(0)).unbind(1)
        state, said = self.start(encoded, words.size(0)), []
        for each in gates:
            state = self.advance(each, encoded, state)
            said.append(state[2])
        return self.out(F.dropout(torch.stack(said, 1), RATE, self.training))

    @staticmethod
    def start(encoded, rows):
        return tuple(torch.zeros(rows, D) for _ in range(4))

    def step(self, words, encoded, state, position):
        gates = self.gates(words[:, None], encoded, words.size(0) // encoded[0].size(0))[:, 0]
        state = self.advance(gates, encoded, state)
        return self.out(state[2]), state

    @staticmethod
    def reorder(state, rows):
        return tuple(x.index_select(0, rows) for x in state)


net = (Transformer if a.model == 'Transformer' else UpDown)()
n = a.images * a.captions
features, concepts = torch.rand(a.images, a.regions, a.features), torch.randint(4, a.vocab, (a.images, a.regions))
captions = torch.randint(4, a.vocab, (n, a.words + 1))


def median(times):
    return sorted(times[1:])[len(times[1:]) // 2]


def train():
    optimizer, times = torch.optim.Adam(net.parameters(), lr=5e-4, betas=(.8, .999)), []
    for _ in range(a.steps + 1):
        start = time.perf_counter()
        scores = net.force(captions[:, :-1], net.encode(features, concepts))
        loss = F.cross_entropy(scores.reshape(-1, a.vocab), captions[:, 1:].reshape(-1), label_smoothing=.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return dict(step_s=median(times))


@torch.no_grad()
def sample():
    net.eval()
    encoded = net.encode(features, concepts)
    words, state, said = torch.ones(n, dtype=torch.long), net.start(encoded, n), []
    for t in range(a.words):
        scores, state = net.step(words, encoded, state, t)
        words = torch.multinomial(torch.softmax(scores, 1), 1)[:, 0]
        said.append(words)
    net.train()
    return torch.stack([torch.ones(n, dtype=torch.long)] + said, 1)


def self_critical():
    optimizer, times = torch.optim.Adam(net.parameters(), lr=5e-5, betas=(.8, .999)), []
    for _ in range(a.steps + 1):
        start = time.perf_counter()
        drawn = sample()
        reward = torch.rand(a.images, a.captions)
        advantage = (reward - (reward.sum(1, keepdim=True) - reward) / (a.captions - 1)).view(-1, 1)
        scores = net.force(drawn[:, :-1], net.encode(features, concepts))
        losses = F.cross_entropy(scores.reshape(-1, a.vocab), drawn[:, 1:].reshape(-1), reduction='none')
        loss = (losses.view(n, -1) * advantage).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return dict(step_s=median(times))


@torch.no_grad()
def decode():
    net.eval()
    width, times = a.decode, []
    for _ in range(a.steps + 1):
        start = time.perf_counter()
        encoded = net.encode(features, concepts)
        rows = a.images * width
        words, state = torch.ones(rows, dtype=torch.long), net.start(encoded, rows)
        said, total = words[:, None], torch.full((a.images, width), -1e9)
        total[:, 0] = 0
        for t in range(a.length):
            scores, state = net.step(words, encoded, state, t)
            all_totals = total[:, :, None] + F.log_softmax(scores, 1).view(a.images, width, -1)
            total, best = all_totals.view(a.images, -1).topk(width)
            parents = (torch.arange(a.images)[:, None] * width + torch.div(best, a.vocab, rounding_mode='floor')).view(-1)
            words = (best % a.vocab).view(-1)
            said, state = torch.cat([said[parents], words[:, None]], 1), net.reorder(state, parents)
        times.append(time.perf_counter() - start)
    return dict(images_per_s=a.images / median(times))


print(json.dumps(dict(vars(a), torch=torch.__version__, **(decode() if a.decode else self_critical() if a.self_critical else train()))))
