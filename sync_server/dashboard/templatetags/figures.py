"""Figures in templates."""

from django import template

from sync_server.dashboard import words
from sync_server.results.figures import Change, Distribution, Share

register = template.Library()


@register.filter
def plain(value: int) -> str:
    """A whole number for machines: no separators, whatever the language."""
    return str(int(value))


@register.filter
def percent(figure: Share | None) -> str:
    return words.percent(figure.share) if figure else ""


@register.filter
def interval(figure: Share | None) -> str:
    return words.interval(figure.low, figure.high) if figure else ""


@register.filter
def moved(change: Change | None) -> str:
    return words.moved(change) if change else "–"


@register.simple_tag
def distribution_words(distribution: Distribution, names: tuple[str, ...]) -> str:
    """A distribution in words, for those who don't see the bar."""
    return ", ".join(f"{name}: {words.percent(figure.share)}" for name, figure in zip(names, distribution.shares, strict=True))
