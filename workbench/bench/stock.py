"""The yardstick for what an idle kiosk costs: a question and five buttons on Kivy's own loop, with nothing changed in it."""

import os
import sys

os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_CONSOLELOG", "1")


def run(width: int, height: int) -> None:
    """Runs until it is stopped."""
    from kivy.config import Config

    Config.set("graphics", "width", str(width))
    Config.set("graphics", "height", str(height))
    Config.set("graphics", "borderless", "1")

    from kivy.app import App
    from kivy.uix.boxlayout import BoxLayout
    from kivy.uix.button import Button
    from kivy.uix.label import Label

    class Stock(App):
        def build(self) -> BoxLayout:
            page = BoxLayout(orientation="vertical")
            page.add_widget(Label(text="Як вам у суді сьогодні?", font_size=36))
            faces = BoxLayout(spacing=16, padding=16)
            for value in range(1, 6):
                faces.add_widget(Button(text=str(value), font_size=64))
            page.add_widget(faces)
            return page

    Stock().run()


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
