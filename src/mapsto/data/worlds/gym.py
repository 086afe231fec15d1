"""Environments of gymnasium (Towers et al. 2024, arXiv:2407.17032), several copies of one stepped side by side in this process.

An episode is a function of the seed that it begins under and of what is done in it. That is how its state is saved, whatever it is
made of: as the number of the episode and its actions so far, which are done again. Where the same is then not seen, the world
is not one whose state can be restored, and says so.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.errors import DataError, FrameError, MapstoError, UnknownName
from mapsto.core.names import near
from mapsto.core.nouns import Finding, Learner, Scores, Space, Turn, World
from mapsto.core.text import clean
from mapsto.data.episodes import examined, splits
from mapsto.domains.box import Box
from mapsto.domains.discrete import Discrete

if TYPE_CHECKING:
    import gymnasium

LONGEST = 10_000  # moves after which an episode is cut, where the environment has no limit of its own
COPIES, MOVES = 4096, 1_000_000  # at most: each copy is an environment, and the moves of its episode are kept
FINITE = float(np.finfo(np.float32).max)
NO_BOUND = 1e30  # from which on a bound is none
SMALL = 100.0  # observations within such bounds are shown as they are: scaled, the cart of CartPole drifts away unseen


class Gymnasium(World):
    """Any environment that is registered with gymnasium, by its `id`: `copies` of it.

    limit: moves after which an episode is cut; 0 is the environment's own limit, or 10,000 where it has none.
    Numbers are taken between −1 and 1 where the environment says its bounds, and what lies beyond is brought in; they are shown
    as they are, but where their bounds are wide (those of a pixel).
    Raises DataError where gymnasium is missing, a space is none that can be learned from, or the environment fails or gives what is
    no number; UnknownName for an environment that is not registered.
    """

    def __init__(
        self,
        id: str = "CartPole-v1",
        copies: int = 8,
        limit: int = 0,
        valid: int = 20,
        test: int = 100,
        seed: int = 0,
        device: str = "cpu",
    ):
        if not 1 <= copies <= COPIES or not 0 <= limit <= MOVES:
            raise FrameError(
                f"one acts in 1 to {COPIES:,} copies of a world, for 1 to {MOVES:,} moves an episode (0: the world's own limit), "
                f"but came copies {copies} and limit {limit}.",
                code="F003",
            )
        self.id, self.copies, self.limit, self.seed = id, copies, limit, seed
        self.device = torch.device(device)
        self._envs = [made(id, limit) for _ in range(copies)]
        first = self._envs[0]
        self.longest = longest(id, limit)
        self.input = space_of(first.observation_space, "is observed", id)
        self.target = space_of(first.action_space, "can be done", id, flat=True)
        shape = () if isinstance(self.target, Discrete) else tuple(self.target.size)
        self._shows, self._takes = first.observation_space, first.action_space
        self._acted = np.zeros(
            (self.longest, copies, *shape), np.int64 if isinstance(self.target, Discrete) else np.float32
        )
        self._seen = self._room()
        self._numbers = self._seen[0].size  # that one environment shows
        if isinstance(self.input, Discrete):
            self._least, self._most = self.input.start, self.input.start + self.input.count - 1
        else:
            self._least, self._most = -FINITE, FINITE
        self._moves, self._every = np.zeros(copies, np.int64), np.arange(copies)
        self.episodes = [0] * copies  # the number of each copy's, counted from 0
        self.train, self.valid, self.test = splits(self, valid, test, seed)

    def reset(self, seed: int) -> Tensor:
        self._seed, self.episodes = seed, [0] * self.copies
        self._seen = self._room()
        for i in range(self.copies):
            self._begin(i)
        self._refuse_none(self._seen, [])
        self.observation = self._ready(self._seen)
        return self.observation

    def step(self, action: Tensor) -> Turn:
        done, encoded = self._raw(action)
        seen, rewards, ended, cut = self._room(), [], [], []
        for i, (env, what) in enumerate(zip(self._envs, done, strict=True)):
            try:
                shown, reward, end, stop, _ = env.step(what)
                seen[i] = self._whole(shown)
                rewards.append(float(reward))
            except Exception as error:  # an environment may raise anything at all
                raise self._failed(i, error, moved=True) from error
            ended.append(bool(end))
            cut.append(bool(stop) and not end)
        self._refuse_none(seen, rewards)
        self._acted[self._moves, self._every] = encoded
        self._moves += 1
        following = self._ready(seen)
        self.observation, self._seen = following, seen
        over = [i for i in range(self.copies) if ended[i] or cut[i]]
        if over:
            self._seen = seen.copy()
            for i in over:
                self.episodes[i] += 1
                self._begin(i)
            self._refuse_none(self._seen, [])
            self.observation = self._ready(self._seen)
        told = (torch.tensor(each, device=self.device) for each in (rewards, ended, cut))
        return Turn(self.observation, *told, following)

    def twin(self, copies: int) -> Gymnasium:
        return Gymnasium(self.id, copies, self.limit, 0, 0, self.seed, str(self.device))

    def noticed(self) -> list[Finding]:
        found = []
        if not self.limit and library().spec(self.id).max_episode_steps is None:
            message = f"this world has no limit of moves: an episode is cut after {LONGEST:,}, and exams may take long"
            found.append(Finding("C095", "note", message, remedy="Another limit: --set data.limit=500"))
        if complaint := complained(self.id):
            message = f"gymnasium's own checker does not let this world pass: {complaint}"
            found.append(Finding("C096", "warning", message, remedy="Mend the environment."))
        if isinstance(self.target, Box) and np.isfinite([self.target.least, self.target.most]).any():
            message = "what the policy draws beyond the bounds of an action is brought in to them"
            found.append(Finding("C097", "note", message))
        return found

    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        return examined(self, learner, split, intervals, at_most)

    def state_dict(self) -> dict[str, Any]:
        return {
            "episodes": list(self.episodes),
            "moves": self._moves.tolist(),
            "acted": torch.from_numpy(self._acted.copy()),
            "seen": torch.from_numpy(self._seen.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The same actions again, in the same episodes. Where something else is seen then, all begin new ones."""
        self.episodes = list(state["episodes"])
        acted, moves, self._seen = state["acted"].cpu().numpy(), state["moves"], self._room()
        self.fresh = ""
        try:
            for i, env in enumerate(self._envs):
                self._begin(i)
                for encoded in acted[: moves[i], i]:
                    self._seen[i] = self._whole(env.step(self._raw(torch.from_numpy(encoded[None].copy()))[0][0])[0])
        except Exception as error:  # what a world does that is not the one it was
            self.fresh = f"the world does not do again what it did ({type(error).__name__})"
        if not self.fresh and not np.array_equal(self._seen, state["seen"].cpu().numpy()):
            self.fresh = "the same actions under the same seeds show something else than they did"
        self._acted[...], self._moves = acted, np.array(moves, np.int64)
        if self.fresh:
            for i in range(self.copies):
                self.episodes[i] += 1
                self._begin(i)
        self.observation = self._ready(self._seen)

    def _begin(self, copy: int) -> None:
        """The episode of that number, anew."""
        self._moves[copy] = 0
        try:
            came = self._envs[copy].reset(seed=self._seed_of(copy))
            if not isinstance(came, tuple) or len(came) != 2:
                raise TypeError(f"its reset gave a {type(came).__name__}, and not (observation, info)")
            self._seen[copy] = self._whole(came[0])
        except Exception as error:  # an environment may raise anything at all
            raise self._failed(copy, error, moved=False) from error

    def _whole(self, shown: Any) -> Any:
        """What one environment shows; ValueError where it is fewer or more numbers than its space has."""
        if np.size(shown) != self._numbers:
            raise ValueError(f"it showed {list(np.shape(shown))}, but its observation_space is {self._shows}")
        return shown

    def _seed_of(self, copy: int) -> int:
        return seeds.mix(self._seed, copy, self.episodes[copy]) % 2**31

    def _room(self) -> np.ndarray:
        """Where what all copies show is put together."""
        if isinstance(self.input, Discrete):
            return np.empty(self.copies, np.int64)
        return np.empty((self.copies, *self.input.size), np.float32)

    def _ready(self, seen: np.ndarray) -> Tensor:
        """A tensor of its own, as a model sees it."""
        if isinstance(self.input, Discrete):
            return self.input.ready(torch.from_numpy(seen - self.input.start)).to(self.device)
        return torch.from_numpy(self.input.scaled(seen)).to(self.device)

    def _raw(self, action: Tensor) -> tuple[Any, np.ndarray]:
        """Encoded actions as the environment takes them, one a copy; and as they are kept."""
        encoded = action.cpu().numpy()
        if isinstance(self.target, Discrete):
            return (encoded + self.target.start).tolist(), encoded
        done = self.target.unscaled(encoded).reshape(-1, *self._takes.shape)
        if self._takes.dtype.kind in "iu":
            done = np.rint(done)  # the nearest, for cut off the greatest of them would hardly ever be done
        return done.astype(self._takes.dtype, copy=False), encoded

    def _refuse_none(self, seen: np.ndarray, rewards: list[float]) -> None:
        """DataError for an observation or a reward that is no number, or none of those that there are. Without rewards, it is of an
        episode that has just begun."""
        if math.isfinite(sum(rewards)) and ((seen >= self._least) & (seen <= self._most)).all():
            return
        finite = "Mend the environment: rewards and observations are finite numbers"
        for i in range(self.copies):
            right = bool(((seen[i] >= self._least) & (seen[i] <= self._most)).all())
            if right and (not rewards or math.isfinite(rewards[i])):
                continue
            what, value = ("reward", rewards[i]) if right else ("observation", seen[i])
            among = f", and here an observation is one of {self._least} to {self._most}."
            raise DataError(
                f"the world {self.id} gave the {what} {clean(str(value), 60)} {self._when(i, bool(rewards))}.",
                finite + (among if isinstance(self.input, Discrete) else "."),
                "D304",
            )

    def _when(self, copy: int, moved: bool) -> str:
        """Where in an episode a copy is, so that it can be looked at by itself."""
        seed = self._seed_of(copy)
        if not moved:
            return f"when an episode was begun under the seed {seed}"
        return f"at move {self._moves[copy] + 1} of an episode that was begun under the seed {seed}"

    def _failed(self, copy: int, error: Exception, moved: bool) -> MapstoError:
        return DataError(
            f"the world {self.id} failed {self._when(copy, moved)}: {type(error).__name__}: {clean(str(error), 200)}.",
            "Mend the environment; gymnasium.utils.env_checker.check_env looks through one.",
            "D305",
        )


def made(id: str, limit: int = 0) -> gymnasium.Env:
    """One environment, whose episodes are cut after `limit` moves, or its own limit, or `LONGEST`."""
    gym = library()
    if id not in gym.registry:
        hint = near(id, gym.registry)
        module, _, name = clean(id, 60).rpartition(":")
        raise UnknownName(
            f"no environment '{clean(id, 60)}' is registered with gymnasium."
            + (f" Near it: {', '.join(hint)}." if hint else ""),
            f"For one of your own, name the module that registers it: {f'env:{name} ' if module else ''}--import "
            f"{module or 'MODULE'} (in Python, import it first).",
            "D301",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is a newer version: what was asked for is made
            return gym.make(id, max_episode_steps=longest(id, limit), disable_env_checker=True)
    except Exception as error:  # what it needs may be missing, and its own code may raise anything at all
        raise DataError(
            f"the environment {id} cannot be made: {type(error).__name__}: {clean(str(error), 300)}.",
            "Install what it needs; gymnasium's own families come as pip install 'gymnasium[classic-control,box2d,toy-text]'."
            if isinstance(error, ImportError | gym.error.DependencyNotInstalled)
            else "Mend the environment; what it has to be given is said where it is registered: gymnasium.register(…, kwargs={…}).",
            "D303",
        ) from error


def complained(id: str) -> str:
    """What gymnasium's checker finds wrong with an environment; "" where it passes."""
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice, and no fault
        try:
            check_env(made(id).unwrapped, skip_render_check=True)
        except Exception as error:  # it asserts, and the environment may raise anything at all
            return clean(f"{type(error).__name__}: {error}", 200)
    return ""


def longest(id: str, limit: int = 0) -> int:
    """Moves after which an episode of a registered environment is cut."""
    return limit or library().spec(id).max_episode_steps or LONGEST


def library() -> Any:
    """gymnasium, where it is installed."""
    try:
        import gymnasium
    except ImportError as error:
        raise DataError(
            "an environment was named (env:…), but gymnasium is not installed.",
            "Install it: pip install 'mapsto[acting]'",
            "D300",
        ) from error
    return gymnasium


def space_of(space: Any, what: str, id: str, flat: bool = False) -> Space:
    """gymnasium's space as a domain. flat: whether its numbers come in a row, as a model gives them."""
    kind = type(space).__name__
    if kind == "Discrete" and space.start >= 0:
        return Discrete(int(space.n), int(space.start))
    if kind == "Box":
        low, high = (_bounds(bounds) for bounds in (space.low, space.high))
        size = [int(space.low.size)] if flat or not space.shape else list(space.shape)
        return Box(low, high, size, 0.0 if flat else SMALL)
    raise DataError(
        f"what {what} in {id} is of the space {clean(str(space), 100)}, and this version learns from Box, and Discrete from 0 on.",
        "Register it in a wrapper of yours that makes one choice, or a Box, of its actions (gymnasium.ActionWrapper)."
        if flat
        else "Register it wrapped: gymnasium.wrappers.FlattenObservation makes one Box of several spaces.",
        "D302",
    )


def _bounds(bounds: np.ndarray) -> list[float | None]:
    """None where there is none; one for all where they are the same."""
    found = [float(b) if abs(b) < NO_BOUND else None for b in bounds.ravel()]
    return found[:1] if len(set(found)) == 1 else found
