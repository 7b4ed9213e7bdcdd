"""Which replies ask us to stop."""

import pytest

from channels.replies import is_opt_out


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", " Stop. ", "STOP!!!", "Stop please", "unsubscribe", "END", "Opt-out", "stop stop"),
        *("PARAR", "Sair", "cancelar, por favor", "Não quero receber mais mensagens", "SAIR obrigado"),
        *("BAJA", "¡Baja!", "Alto", "Darme de baja", "detener, gracias"),
        *("ARRÊT", "arret", "Arrêter svp", "Désabonner", "STOP s'il vous plaît", "désinscription merci"),
    ],
)
def test_a_stop_word_alone_opts_out(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "please",
            "I will stop by and pay",
            "Can I pay at the end of the month?",
            "Don't cancel my order",
        ),
        *("Já paguei", "Vou parar aí amanhã para pagar", "deu baixa?", "Pago en alto", "J'arrête demain"),
        "unstoppable",
    ],
)
def test_a_stop_word_inside_a_sentence_does_not(text: str) -> None:
    assert not is_opt_out(text)
