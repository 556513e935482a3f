"""Tiny data for the toys; what the classes share is left by the views."""

import numpy as np

CLASSES = 3


def sets_of_points(count=96, seed=0):
    """Points on a ring, in a ball, on a line; how many they are and how they are turned is an accident."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    sets = []
    for label in labels:
        points = random.normal(0, 1, (random.integers(4, 12), 2))
        if label == 0:
            points /= np.linalg.norm(points, axis=1, keepdims=True)
        if label == 2:
            points[:, 1] *= 0.1
        angle = random.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        sets.append((points @ turn).astype(np.float32))
    return sets, labels


def as_file(path, sets, groups):
    """The same sets as an .npz with groups."""
    np.savez(path, rows=np.concatenate(sets), counts=[len(each) for each in sets], groups=groups)
    return path


def pairs_of_sides(count=96, seed=0):
    """A bright column in a picture, and a large number in a vector: which of three is the class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    image, vector = random.normal(0, 0.3, (count, 1, 6, 6)), random.normal(0, 0.3, (count, 5))
    image[np.arange(count), 0, :, labels * 2] += 1
    vector[np.arange(count), labels] += 1
    return {"image": image.astype(np.float32), "vector": vector.astype(np.float32)}, labels
