"""The tokenizer of text models: a Hugging Face tokenizer behind MAX's interface."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from max.pipelines.checkpoint.source import find_model
from max.pipelines.context import (
    EOSTracker,
    InputError,
    PromptTooLongError,
    SamplingParams,
    TextContext,
    TokenBuffer,
)
from max.pipelines.lib.tokenizer.chat_template import (
    check_template,
    join_without_template,
    render_chat,
    template_of,
)
from max.pipelines.lib.tokenizer.control_tokens import ControlTokens
from max.pipelines.lib.tokenizer.lanes import rendering
from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.lib.tokenizer.model_facts import read_model_facts
from max.pipelines.lib.tokenizer.response_format import constraint_of_format
from max.pipelines.lib.tokenizer.template_process import limited_templates
from max.pipelines.lib.tokenizer.text_codec import TextCodec
from max.pipelines.modeling.types import TextGenerationRequest, TextGenerationRequestMessage

if TYPE_CHECKING:
    from max.pipelines.config import PipelineConfig


class PromptText(NamedTuple):
    """A conversation as text, and how it becomes tokens.

    Attributes:
        text: All of it.
        add_special_tokens: Whether the tokenizer has to add some.
        cuts: Where it is cut for that, see `control_tokens`.
    """

    text: str
    add_special_tokens: bool
    cuts: tuple[int, ...] = ()


class TextTokenizer(TextCodec):
    """Turns requests into contexts, text into tokens and tokens into text.

    Attributes:
        eos_token_ids: The tokens that end an answer.
        max_length: Most tokens of prompt and answer together.
        vocab_size: Number of token ids that the model accepts.
    """

    def __init__(
        self,
        model_path: str | Path,
        pipeline_config: PipelineConfig | None = None,
        *,
        revision: str | None = None,
        max_length: int | None = None,
        trust_remote_code: bool = False,
        enable_llama_whitespace_fix: bool = False,
        chat_template: str | None = None,
        context_validators: Sequence[Callable[[TextContext], None]] = (),
        control_tokens_are_text: bool = False,
        **unused: object,
    ) -> None:
        """Loads the tokenizer.

        Args:
            model_path: A model's folder, a Hugging Face repository id, or "demo".
            pipeline_config: Where `max_length` and `chat_template` come from when not given here.
            revision: Branch, tag or commit of the repository.
            max_length: Most tokens of prompt and answer together; by default the model's limit.
            trust_remote_code: Whether tokenizer code that the model brings may be run.
            enable_llama_whitespace_fix: Keep the leading space when `decode` is given one token.
            chat_template: Text of a Jinja template instead of the model's own.
            context_validators: Called with each new context; they raise InputError to refuse it.
            control_tokens_are_text: Whether special tokens' texts in a conversation are text.
            unused: Accepted so that subclasses and other tokenizers can be called alike.

        Raises:
            ModelSourceError: If the tokenizer cannot be found, read, or needs code that is not
                trusted.
        """
        source = find_model(
            str(model_path), revision=revision or "main", trust_remote_code=trust_remote_code
        )
        folder = source.folder()
        limited_templates().begin()
        super().__init__(
            load_delegate(folder, trust_remote_code=trust_remote_code), enable_llama_whitespace_fix
        )
        if pipeline_config is not None:
            max_length = max_length or pipeline_config.model.max_length
            chat_template = chat_template or pipeline_config.model.retrieve_chat_template()
        facts = read_model_facts(folder, self.delegate)
        self.eos_token_ids = facts.eos_token_ids
        self.vocab_size = facts.vocab_size
        self.max_length = max_length or facts.max_length
        self._chat_template = chat_template
        self._context_validators = context_validators
        added = self.delegate.added_tokens_decoder.values() if control_tokens_are_text else ()
        specials = [token.content for token in added if token.special]
        self._control_tokens = ControlTokens(specials) if specials else None
        if self.has_chat_template:
            check_template(self.delegate, chat_template, limited_templates())

    @property
    def eos(self) -> int:
        """The token that ends an answer; the tokenizer's own when there are several.

        Raises:
            ValueError: If the model has none.
        """
        if self.delegate.eos_token_id is not None:
            return int(self.delegate.eos_token_id)
        if not self.eos_token_ids:
            raise ValueError(
                "The model has no end token: none of tokenizer_config.json, config.json and "
                "generation_config.json names one (eos_token, eos_token_id)."
            )
        return min(self.eos_token_ids)

    @property
    def has_chat_template(self) -> bool:
        """Whether conversations can be rendered."""
        return bool(self._chat_template or self.delegate.chat_template)

    def load_chat_template(self) -> None:
        """Loads all that rendering takes, so that the first conversation need not wait for it."""
        if self.has_chat_template:
            with contextlib.suppress(InputError):  # some templates refuse a greeting
                self.prompt_text([TextGenerationRequestMessage("user", "Hello")])

    @property
    def template_text(self) -> str:
        """The chat template: the one for tools, where the model has one of its own for them."""
        return self._chat_template or template_of(self.delegate.chat_template, has_tools=True)

    @cached_property
    def special_tokens(self) -> Mapping[str, int]:
        """The tokens that no text of the model's stands for, by what they are called."""
        added = self.delegate.added_tokens_decoder
        return {str(token): id for id, token in added.items() if token.special}

    def apply_chat_template(
        self,
        messages: Sequence[TextGenerationRequestMessage | dict[str, Any]],
        tools: Sequence[dict[str, Any]] | None = None,
        **options: Any,
    ) -> str:
        """The conversation as the text that the model was trained on.

        Args:
            messages: The conversation.
            tools: Tool descriptions, in OpenAI's form.
            options: Further variables of the template, such as `add_generation_prompt=False`.

        Raises:
            InputError: If the template refuses the conversation or there is none.
        """
        read = [
            message
            if isinstance(message, TextGenerationRequestMessage)
            else TextGenerationRequestMessage.from_mapping(message)
            for message in messages
        ]
        if not self.has_chat_template:
            raise InputError(
                "This model has no chat template; start with --chat-template FILE.",
                param="messages",
            )
        return render_chat(
            self.delegate,
            read,
            template=self._chat_template,
            tools=tools,
            options=options,
            templates=limited_templates(),
        ).text

    def prompt_text(
        self,
        messages: Sequence[TextGenerationRequestMessage],
        tools: Sequence[dict[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> PromptText:
        """The text that a conversation is encoded as, by the template or for want of one.

        Args:
            messages: The conversation.
            tools: Tool descriptions, in OpenAI's form.
            options: Further variables of the template.

        Raises:
            InputError: If the conversation cannot be written as a prompt.
        """
        if not self.has_chat_template:
            return PromptText(join_without_template(messages), add_special_tokens=True)
        # The template writes the special tokens.
        text, cuts = render_chat(
            self.delegate,
            messages,
            template=self._chat_template,
            tools=tools,
            options=options,
            templates=limited_templates(),
            control_tokens=self._control_tokens,
        )
        return PromptText(text, add_special_tokens=False, cuts=cuts)

    async def render(
        self,
        messages: Sequence[TextGenerationRequestMessage],
        tools: Sequence[dict[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> PromptText:
        """As `prompt_text`, while the event loop goes on."""
        work = partial(self.prompt_text, messages, tools, options)
        return await rendering(work, messages, list(tools or ()), dict(options or {}))

    def check_token_ids(self, param: str, ids: Sequence[int]) -> None:
        """Raises `InputError` for a token id that the model does not know.

        Args:
            param: The parameter that has the ids.
            ids: Token ids.
        """
        if ids and (min(ids) < 0 or max(ids) >= self.vocab_size):
            wrong = next(token for token in ids if not 0 <= token < self.vocab_size)
            raise InputError(
                f"{param} has the token id {wrong}; allowed is 0 to {self.vocab_size - 1}.",
                param=param,
            )

    async def new_context(self, request: TextGenerationRequest) -> TextContext:
        """Makes the state of a new request.

        Raises:
            InputError: If the request cannot be served as given; `PromptTooLongError` when the
                prompt leaves no room for an answer.
        """
        params = request.sampling_params.with_seed()
        self.check_token_ids("stop_token_ids", params.stop_token_ids or ())
        self.check_token_ids("logit_bias", tuple(params.logit_bias or ()))
        ends = EOSTracker(
            eos_token_ids=self.eos_token_ids,
            stop_token_ids=frozenset(params.stop_token_ids or ()),
            ignore_eos=params.ignore_eos,
            min_new_tokens=params.min_new_tokens,
        )
        if len(ends.forbidden_next(0)) >= self.vocab_size:
            raise InputError(
                f"min_tokens is {params.min_new_tokens}, but every token of the model is one that "
                "ends the answer (stop_token_ids): there is nothing to begin it with.",
                param="stop_token_ids",
            )
        param = "messages" if request.messages else "prompt"
        if isinstance(request.prompt, Sequence) and not isinstance(request.prompt, str):
            self._check_length(len(request.prompt), param)
        try:
            tokens = await self._prompt_tokens(request)
        except PromptTooLongError as error:
            raise PromptTooLongError(error.given, error.allowed, param, is_more=True) from error
        if tokens.size == 0:
            raise InputError(f"The {param} has no tokens; at least one is needed.", param=param)
        self._check_length(int(tokens.size), param)
        if (largest := int(tokens.max())) >= self.vocab_size:
            piece = self.delegate.convert_ids_to_tokens(largest)
            raise InputError(
                f"The {param} has the token {piece!r} ({largest}), but the model knows the tokens "
                f"0 to {self.vocab_size - 1} only: its tokenizer has more than config.json's "
                "vocab_size.",
                param=param,
            )
        context = TextContext(
            request_id=request.request_id,
            model_name=request.model_name,
            tokens=TokenBuffer(tokens),
            max_length=self._length_limit(int(tokens.size), params),
            eos_tracker=ends,
            sampling_params=params,
            constraint=constraint_of_format(request.response_format),
            cache_salt=request.cache_salt,
            log_probabilities=request.logprobs,
            log_probabilities_echo=request.echo,
        )
        for validate in self._context_validators:
            validate(context)
        return context

    def _check_length(self, tokens: int, param: str) -> None:
        if tokens >= self.max_length:
            raise PromptTooLongError(tokens, self.max_length, param=param)

    async def _prompt_tokens(self, request: TextGenerationRequest) -> NDArray[np.int64]:
        if isinstance(request.prompt, str):
            return await self.encode(request.prompt, most=self.max_length)
        if request.prompt is not None:
            self.check_token_ids("prompt", request.prompt)
            return np.asarray(request.prompt, np.int64)
        text = await self.render(request.messages, request.tools, request.chat_template_options)
        return await self.encode(*text, most=self.max_length)

    def _length_limit(self, prompt_length: int, params: SamplingParams) -> int:
        if params.max_new_tokens is None:
            return self.max_length
        return min(self.max_length, prompt_length + params.max_new_tokens)
