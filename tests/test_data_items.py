import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data import ImagePart, ItemSet, Pool, draw_items


def part(labels, shape=(2, 2)):
    labels = np.asarray(labels, np.int64)
    images = np.arange(len(labels) * int(np.prod(shape))).astype(np.uint8).reshape(len(labels), *shape)
    return ImagePart(images, labels)


def pool_of(train_sizes, test_sizes):
    numbers = np.arange(len(train_sizes))
    names = tuple(f"c{n}" for n in numbers)
    return Pool("made", names, part(np.repeat(numbers, train_sizes)), part(np.repeat(numbers, test_sizes)), "here")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros(2, int), "type float64; expected uint8"),
        (np.zeros((2, 3), np.uint8), np.zeros(2, int), r"shape \[2, 3\]"),
        (np.zeros((2, 3, 3, 4), np.uint8), np.zeros(2, int), r"shape \[2, 3, 3, 4\]"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2), "expected integers"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros((2, 1), int), "expected integers"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(3, int), "2 images but 3 labels"),
    ],
)
def test_part_refuses_what_is_no_images(images, labels, message):
    with pytest.raises(ValueError, match=message):
        ImagePart(images, labels)


def test_pool_names_classes_without_images():
    with pytest.raises(ValueError, match='no test images of 2 of 3 classes: "b", "c"'):
        Pool("made", ("a", "b", "c"), part([0, 1, 2]), part([0, 0]), "here")
    with pytest.raises(ValueError, match='no training images of 1 of 2 classes: "a"'):
        Pool("made", ("a", "b"), part([1]), part([0, 1]), "here")


def test_pool_refuses_labels_outside_its_classes():
    with pytest.raises(ValueError, match=r"test labels run from 0 to 2; expected 0 to 1"):
        Pool("made", ("a", "b"), part([0, 1]), part([0, 2]), "here")
    with pytest.raises(ValueError, match=r"training labels run from -1"):
        Pool("made", ("a", "b"), part([-1, 1]), part([0, 1]), "here")


def test_pool_refuses_parts_of_different_shape_and_repeated_names():
    with pytest.raises(ValueError, match=r"shape \[2, 2\], test images \[2, 3\]"):
        Pool("made", ("a",), part([0]), part([0], (2, 3)), "here")
    with pytest.raises(ValueError, match="class names repeat"):
        Pool("made", ("a", "a"), part([0, 1]), part([0, 1]), "here")


def test_pool_counts_images_per_class():
    pool = pool_of([3, 1], [2, 5])
    assert pool.train_per_class.tolist() == [3, 1]
    assert pool.test_per_class.tolist() == [2, 5]


def test_identity_follows_content_only():
    pool = pool_of([2, 2], [1, 1])
    same = Pool("other name", pool.classes, pool.train, pool.test, "elsewhere")
    assert same.identity == pool.identity

    pixels = pool.train.images.copy()
    pixels[3, 1, 1] ^= 1
    labels = pool.test.labels[::-1]
    changed = [
        Pool("made", pool.classes, ImagePart(pixels, pool.train.labels), pool.test, "here"),
        Pool("made", pool.classes, pool.train, ImagePart(pool.test.images, labels), "here"),
        Pool("made", ("c0", "c2"), pool.train, pool.test, "here"),
        Pool("made", pool.classes, pool.test, pool.train, "here"),
    ]
    assert len({pool.identity, *(other.identity for other in changed)}) == 5


def test_identity_does_not_depend_on_memory_layout():
    pool = pool_of([4], [2])
    turned = np.asfortranarray(pool.train.images)
    narrow = pool.train.labels.astype(np.int32)
    assert Pool("made", pool.classes, ImagePart(turned, narrow), pool.test, "here").identity == pool.identity


sizes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=6)


@given(sizes=sizes, seed=st.integers(0, 2**32), data=st.data())
def test_draw_holds_distinct_images_of_distinct_classes(sizes, seed, data):
    pool = pool_of(*zip(*sizes, strict=True))
    count = data.draw(st.integers(1, len(sizes)))
    train = data.draw(st.integers(1, min(size for size, _ in sizes)))
    draw = draw_items(pool, count, train, None, np.random.default_rng(seed))

    assert len(set(draw.classes.tolist())) == count
    assert draw.train.shape == (count, train)
    assert draw.test.shape == (count, min(size for _, size in sizes))
    assert (pool.train.labels[draw.train] == draw.classes[:, None]).all()
    assert (pool.test.labels[draw.test] == draw.classes[:, None]).all()
    assert len(np.unique(draw.train)) == draw.train.size
    assert len(np.unique(draw.test)) == draw.test.size


@given(seed=st.integers(0, 2**32), count=st.integers(1, 4), train=st.integers(1, 5), test=st.integers(1, 3))
def test_smaller_draw_begins_the_larger_one(seed, count, train, test):
    pool = pool_of([5, 6, 7, 8], [3, 4, 5, 6])
    whole = draw_items(pool, 4, 5, 3, np.random.default_rng(seed))
    less = draw_items(pool, count, train, test, np.random.default_rng(seed))
    assert (less.classes == whole.classes[:count]).all()
    assert (less.train == whole.train[:count, :train]).all()
    assert (less.test == whole.test[:count, :test]).all()


def test_every_class_and_image_is_drawn_equally_often():
    pool = pool_of([4, 4, 4], [1, 1, 1])
    rng = np.random.default_rng(5)
    draws = [draw_items(pool, 1, 1, 1, rng) for _ in range(2400)]
    counts = np.bincount([int(draw.train[0, 0]) for draw in draws], minlength=12)
    assert counts.sum() == 2400
    # Binomial(2400, 1/12): mean 200, standard deviation 13.5
    assert abs(counts - 200).max() < 4.5 * 13.5


def test_too_large_requests_are_refused_with_numbers_whatever_is_drawn():
    pool = pool_of([5, 2, 5], [3, 3, 1])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        with pytest.raises(ValueError, match=r'3 training images per item asked for; class "c1" .* has 2'):
            draw_items(pool, 1, 3, None, rng)
        with pytest.raises(ValueError, match=r'2 test images per item asked for; class "c2" .* has 1'):
            draw_items(pool, 1, None, 2, rng)
    for count in (0, -1, 4):
        with pytest.raises(ValueError, match=f"{count} items asked for; .* has 3 classes"):
            draw_items(pool, count, None, None, np.random.default_rng(0))
    with pytest.raises(ValueError, match="0 training images"):
        draw_items(pool, 1, 0, None, np.random.default_rng(0))


def test_item_set_is_abstract_and_frozen():
    with pytest.raises(TypeError, match="abstract"):
        ItemSet()

    class One(ItemSet):
        name = "one"
        depth: int = 2

        def pool(self, data_dir=None, seed=0):
            return pool_of([self.depth], [1])

    made = One(depth=3)
    assert One.model_validate_json(made.model_dump_json()) == made
    with pytest.raises(ValueError, match="frozen"):
        made.depth = 4


def with_domains(labels, domains):
    plain = part(labels)
    return ImagePart(plain.images, plain.labels, np.asarray(domains))


def test_domains_belong_to_all_images_and_have_names():
    day, night = with_domains([0, 1], [0, 1]), with_domains([0, 1], [1, 1])
    pool = Pool("made", ("a", "b"), day, night, "here", ("day", "night"))
    assert pool.test.some(np.array([1])).domains.tolist() == [1]
    others = [
        Pool("made", ("a", "b"), night, night, "here", ("day", "night")),
        Pool("made", ("a", "b"), day, night, "here", ("day", "dusk")),
        Pool("made", ("a", "b"), part([0, 1]), part([0, 1]), "here"),
    ]
    assert len({pool.identity, *(other.identity for other in others)}) == 4
    with pytest.raises(ValueError, match=r"domains have shape \[1\] .* one for each of 2 images"):
        with_domains([0, 1], [0])
    with pytest.raises(ValueError, match="training images: domains run from 0 to 1; expected 0 to 0"):
        Pool("made", ("a", "b"), day, day, "here", ("day",))
    with pytest.raises(ValueError, match="test images have no domains; the pool names 2"):
        Pool("made", ("a", "b"), day, part([0, 1]), "here", ("day", "night"))
    with pytest.raises(ValueError, match="training images have domains; the pool names 0"):
        Pool("made", ("a", "b"), day, day, "here")
