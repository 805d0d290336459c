"""BLEU, ROUGE-L and CIDEr-D by coco-caption's algorithms, dictionaries of tuples of words, to time ours against.

python3 bench/coco.py REFERENCES_AND_CANDIDATES.json (tokenised, from caption-set.ts), prints one JSON line.
"""
import json
import math
import resource
import sys
import time
from collections import Counter, defaultdict


def ngrams(words):
    return Counter(tuple(words[i:i + n]) for n in range(1, 5) for i in range(len(words) - n + 1))


def bleu(references, candidates):
    lengths, guessed, correct = [0, 0], [0] * 4, [0] * 4
    for people, words in zip(references, candidates):
        most = Counter()
        for other in people:
            for gram, count in ngrams(other).items():
                most[gram] = max(most[gram], count)
        lengths[0] += len(words)
        lengths[1] += min((abs(len(other) - len(words)), len(other)) for other in people)[1]
        for gram, count in ngrams(words).items():
            correct[len(gram) - 1] += min(count, most[gram])
        for n in range(4):
            guessed[n] += max(0, len(words) - n)
    product, scores = 1.0, []
    for n in range(4):
        product *= (correct[n] + 1e-15) / (guessed[n] + 1e-9)
        scores.append(product ** (1 / (n + 1)))
    ratio = (lengths[0] + 1e-15) / (lengths[1] + 1e-9)
    return [score * (math.exp(1 - 1 / ratio) if ratio < 1 else 1) for score in scores]


def common(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, word in enumerate(a):
        for j, other in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if word == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def rouge(references, candidates):
    total = 0.0
    for people, words in zip(references, candidates):
        lengths = [common(words, other) for other in people]
        precision = max(length / max(1, len(words)) for length in lengths)
        recall = max(length / len(other) for length, other in zip(lengths, people))
        if precision and recall:
            total += 2.44 * precision * recall / (recall + 1.44 * precision)
    return total / len(candidates)


def cider(references, candidates):
    counts = [[ngrams(words) for words in people] for people in references]
    frequency = defaultdict(float)
    for people in counts:
        for gram in {gram for each in people for gram in each}:
            frequency[gram] += 1
    images = math.log(len(references))

    def vector(grams):
        weights, norms, length = [{} for _ in range(4)], [0.0] * 4, 0
        for gram, count in grams.items():
            n = len(gram) - 1
            weights[n][gram] = count * (images - math.log(max(1.0, frequency[gram])))
            norms[n] += weights[n][gram] ** 2
            if n == 1:
                length += count
        return weights, [math.sqrt(norm) for norm in norms], length

    total = 0.0
    for people, words in zip(counts, candidates):
        ours = vector(ngrams(words))
        score = 0.0
        for grams in people:
            theirs = vector(grams)
            penalty = math.exp(-((ours[2] - theirs[2]) ** 2) / 72)
            for n in range(4):
                product = sum(min(weight, theirs[0][n].get(gram, 0.0)) * theirs[0][n].get(gram, 0.0)
                              for gram, weight in ours[0][n].items())
                if ours[1][n] and theirs[1][n]:
                    product /= ours[1][n] * theirs[1][n]
                score += product * penalty / 4
        total += 10 * score / len(people)
    return total / len(candidates)


data = json.load(open(sys.argv[1]))
references, candidates = data['references'], data['candidates']
start = time.time()
scores = {'Bleu_4': bleu(references, candidates)[3], 'ROUGE_L': rouge(references, candidates), 'CIDEr': cider(references, candidates)}
seconds = time.time() - start
print(json.dumps({'seconds': seconds, 'peakMB': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 'scores': scores}))
