"""Lists which particles exist: the seven families of the DeepStruc corpus, and an extended library for real data."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, combinations_with_replacement, count, product, takewhile

from deepstruc_lib.particles.distances import first_of_shape
from deepstruc_lib.particles.recipes import Recipe, unit_positions
from deepstruc_lib.particles.stacking import sphere_sizes

DEEPSTRUC_FAMILIES = ("SC", "FCC", "BCC", "HCP", "Icosahedron", "Decahedron", "Octahedron")
DEEPSTRUC_ATOMS = range(5, 201)
LARGEST_INDEX = 10
LARGEST_DECAHEDRON = 5

EXTENDED_MAX_ATOMS = 1500
# Smaller pieces of a crystal than an atom with its twelve neighbours have no shape to speak of.
SMALLEST_CRYSTAL = 13
# Centres that are not symmetry-equivalent; more of them (off-centre twins, bonds in hcp) would add hundreds of spheres
# that differ in a few surface atoms.
SPHERES = {
    "fcc": ("atom", "octahedral", "tetrahedral", "bond"),
    "hcp": ("atom", "octahedral", "tetrahedral"),
    "twin": ("atom", "bond", "octahedral"),
    "fault": ("atom", "octahedral_below"),
}
SPHERE_FAMILIES = {"twin": "TwinnedSphere", "fault": "FaultedSphere"}


def deepstruc_candidates() -> Iterator[Recipe]:
    """Every index the DeepStruc corpus allows (doi:10.1039/D2DD00086E), of any size, duplicates included.

    (h, k, l) are layer counts of {100}, {110}, {111}, or hexagonal cells, with h ≤ k ≤ l. Where two recipes give one
    shape the earlier counts: the octahedron of 19 atoms before FCC, the SC particle of 7 before BCC.
    """
    triples = list(combinations_with_replacement(range(1, LARGEST_INDEX + 1), 3))
    pq = range(1, LARGEST_DECAHEDRON + 1)
    yield from (Recipe("Octahedron", (length,)) for length in range(2, 8))
    yield from (Recipe(family, triple) for family in ("SC", "FCC", "BCC", "HCP") for triple in triples)
    yield from (Recipe("Icosahedron", (shells,)) for shells in range(1, 6))
    yield from (Recipe("Decahedron", pqr) for pqr in product(pq, pq, range(LARGEST_DECAHEDRON + 1)))


def _up_to(max_atoms: int, growing: Iterable[Recipe]) -> Iterator[Recipe]:
    return takewhile(lambda recipe: recipe.n_atoms <= max_atoms, growing)


def layered_fcc(max_atoms: int) -> Iterator[Recipe]:
    """All fcc particles about an atom bounded by {100}, {110} and {111}, each set of planes at its own distance.

    Unlike in the DeepStruc corpus {111} may lie nearer than {110}; indices whose planes cut nothing are left out.
    """
    for h in count(1):
        nearest = -(-h // 2)
        if Recipe("FCC", (h, h, nearest)).n_atoms > max_atoms:
            return
        for k in range(h, 2 * h + 1):
            yield from _up_to(max_atoms, (Recipe("FCC", (h, k, l)) for l in range(-(-k // 2), 3 * k // 4 + 2)))  # noqa: E741


def truncated_octahedra(max_atoms: int, largest: int = 14) -> Iterator[Recipe]:
    """Octahedra of 2 to `largest` atoms on an edge, whole and with every possible cut of the vertices."""
    for length in range(2, largest + 1):
        cuts = range((length - 1) // 2, 0, -1)
        yield from _up_to(max_atoms, (Recipe("TruncatedOctahedron", (length, cut)) for cut in cuts))
        yield from _up_to(max_atoms, [Recipe("Octahedron", (length,))])


def decahedra(max_atoms: int, largest: int = 8, deepest: int = 4) -> Iterator[Recipe]:
    """Decahedra with p, q ≤ largest and r ≤ deepest; p = 1 with r = 0 would be a mere row of atoms."""
    for p, r in product(range(1, largest + 1), range(deepest + 1)):
        if p + 2 * r > 1:
            yield from _up_to(max_atoms, (Recipe("Decahedron", (p, q, r)) for q in range(1, largest + 1)))


def truncated_decahedra(max_atoms: int, largest: int = 8) -> Iterator[Recipe]:
    """Decahedra with the axis off the centre: p ≤ largest, small {100} facets and re-entrances."""
    for p, q, r in product(range(3, largest + 1), (1, 2), (0, 1)):
        if Recipe("Decahedron", (p, q, r)).n_atoms <= max_atoms:
            yield from (Recipe("TruncatedDecahedron", (p, q, r, sides)) for sides in range(1, 5))


def icosahedra(max_atoms: int, largest: int = 8) -> Iterator[Recipe]:
    """Mackay icosahedra of 2 to `largest` shells, the atom in the middle counted as one."""
    return _up_to(max_atoms, (Recipe("Icosahedron", (shells,)) for shells in range(2, largest + 1)))


def spheres(max_atoms: int) -> Iterator[Recipe]:
    """Spheres cut from fcc, hcp, fcc with a twin plane and fcc with an intrinsic fault, about several centres."""
    for lattice, centres in SPHERES.items():
        for centre in centres:
            for atoms in sphere_sizes(lattice, centre, max_atoms):
                if lattice in SPHERE_FAMILIES:
                    yield Recipe(SPHERE_FAMILIES[lattice], (centre, atoms))
                else:
                    yield Recipe("Sphere", (lattice, centre, atoms))


def distinct(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """The recipes without those that repeat the shape of an earlier one."""
    listed = list(dict.fromkeys(recipes))
    first = first_of_shape([unit_positions(recipe) for recipe in listed])
    return tuple(recipe for index, recipe in enumerate(listed) if first[index] == index)


def _deepstruc() -> tuple[Recipe, ...]:
    fitting = (recipe for recipe in deepstruc_candidates() if recipe.n_atoms in DEEPSTRUC_ATOMS)
    return tuple(sorted(distinct(fitting), key=lambda r: (DEEPSTRUC_FAMILIES.index(r.family), r.n_atoms, r.parameters)))


def _extended() -> tuple[Recipe, ...]:
    builders = (truncated_octahedra, icosahedra, decahedra, truncated_decahedra, layered_fcc, spheres)
    crystals = chain.from_iterable(builder(EXTENDED_MAX_ATOMS) for builder in builders)
    reasonable = (recipe for recipe in crystals if recipe.n_atoms >= SMALLEST_CRYSTAL)
    return distinct(chain(shape_library("deepstruc"), reasonable))


@lru_cache(maxsize=2)
def shape_library(name: str) -> tuple[Recipe, ...]:
    """The distinct shapes of a library, one recipe each.

    Args:
        name: "deepstruc" for the 197 shapes of 5 to 200 atoms in the DeepStruc corpus, by family and size; "extended"
            for these and further crystals, spheres, twins and faults up to 1500 atoms.

    Raises:
        ValueError: For another name.
    """
    builders = {"deepstruc": _deepstruc, "extended": _extended}
    if name not in builders:
        raise ValueError(f"library {name!r}: needs one of {', '.join(builders)}")
    return builders[name]()
