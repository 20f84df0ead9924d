"""Templates that are rendered in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.lib.tokenizer.templates import TemplateForms, TemplateRefusal


class LocalTemplates:
    """Renders in this process, without limits: see `TemplateProcess` for a model's own."""

    def forms_of(self, template: str) -> TemplateForms:
        """See `Templates`."""
        # Jinja is imported when there is a template, which not every command reads.
        from jinja2 import TemplateSyntaxError

        from max.pipelines.lib.tokenizer.template_forms import forms_of

        try:
            return forms_of(template)
        except RecursionError as error:
            raise TemplateRefusal("calls itself without end, or is too deeply nested") from error
        except MemoryError as error:
            raise TemplateRefusal("takes too much memory") from error
        except TemplateSyntaxError as error:
            raise TemplateRefusal(
                f"has a syntax error in line {error.lineno}: {error.message}"
            ) from error

    def render(self, template: str, variables: Mapping[str, Any]) -> str:
        """See `Templates`."""
        from max.pipelines.lib.tokenizer.template_environment import compile_template
        from max.pipelines.lib.tokenizer.template_forms import TEMPLATE_ERRORS

        try:
            return compile_template(template).render(variables)
        except MemoryError as error:
            raise TemplateRefusal("takes too much memory for these messages") from error
        except TEMPLATE_ERRORS as error:
            raise TemplateRefusal(f"does not accept these messages: {error}") from error
